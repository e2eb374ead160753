import Glibc
import SystemPackage

/// The names in a directory, unordered, without `.` and `..`. Bytes that are not UTF-8 become replacement characters.
package func fileNames(in directory: String) throws(SystemError) -> [String] {
    guard let stream = opendir(directory) else {
        throw SystemError(operation: "opendir", errno: Errno(rawValue: errno))
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        // Read the name in place: an entry is shorter than `dirent`, and a copy would read past its end.
        guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { continue }
        let name = String(cString: (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self))
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

/// The target of a symbolic link; nil where the link does not exist or may not be read.
public func linkTarget(_ path: String) -> String? {
    var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = target.withUnsafeMutableBytes { buffer in
        buffer.withMemoryRebound(to: CChar.self) { buffer in
            buffer.baseAddress.map { readlink(path, $0, buffer.count) } ?? -1
        }
    }
    // A target that fills the buffer may have been cut off.
    return count > 0 && count < target.count ? String(validating: target.prefix(count), as: UTF8.self) : nil
}
