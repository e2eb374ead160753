import Glibc

/// The value of an environment variable of this process; nil if it is not set. As bytes, because environment variables
/// have no defined encoding.
public func environmentVariable(_ name: String) -> [UInt8]? {
    getenv(name).map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
}

/// The environment of a program that this one starts: this process's, byte for byte (`ProcessInfo` would repair entries
/// that are not UTF-8), with changes.
///
/// - Parameter changes: the variables that are set; nil removes one, and so does a value with a NUL in it.
public func environmentEntries(changing changes: [String: String?]) -> [[UInt8]] {
    let inherited = environmentEntries.filter { entry in
        guard let end = entry.firstIndex(of: UInt8(ascii: "=")) else { return true }
        return changes[String(decoding: entry[..<end], as: UTF8.self)] == nil
    }
    let set: [[UInt8]] = changes.compactMap { name, value in
        guard let value, !value.utf8.contains(0) else { return nil }
        return Array("\(name)=\(value)".utf8)
    }
    return inherited + set
}

private var environmentEntries: [[UInt8]] {
    var entries: [[UInt8]] = []
    var next = environ
    while let entry = next.pointee {
        entries.append(Array(UnsafeRawBufferPointer(start: entry, count: strlen(entry))))
        next += 1
    }
    return entries
}
