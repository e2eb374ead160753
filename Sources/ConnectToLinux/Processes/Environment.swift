import Glibc

/// The value of an environment variable of this process; nil if it is not set. As bytes, because environment variables
/// have no defined encoding.
public func environmentVariable(_ name: String) -> [UInt8]? {
    getenv(name).map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
}
