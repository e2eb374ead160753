import Glibc

/// A variable of the environment that this process was started with, byte for byte: the environment knows no encoding.
package func environmentVariable(_ name: String) -> [UInt8]? {
    getenv(name).map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
}
