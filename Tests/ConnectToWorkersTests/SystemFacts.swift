import CConnectToLinux
import Glibc

func pidfd(of process: Int32) -> Int32 { clinux_pidfd_open(process) }

struct Unreadable: Error { let path: String }

/// The names in a directory.
func entries(of directory: String) throws -> [String] {
    guard let stream = opendir(directory) else { throw Unreadable(path: directory) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        names.append(
            withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
}

/// The first 8 KiB of a file.
func text(of path: String) throws -> String {
    guard let file = fopen(path, "re") else { throw Unreadable(path: path) }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 8_192)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
}

/// The state of a process, such as Z for a zombie, and its parent; nil where there is no such process.
func state(of process: Int32) -> (letter: String, parent: Int32)? {
    guard let text = try? text(of: "/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else { return nil }
    let facts = text[end...].dropFirst(2).split(separator: " ")
    guard facts.count > 1, let parent = Int32(facts[1]) else { return nil }
    return (String(facts[0]), parent)
}
