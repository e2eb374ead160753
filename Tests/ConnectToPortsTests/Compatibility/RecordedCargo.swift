import CConnectToLinux
import ConnectToLinux
import Glibc
import Testing

/// What a descriptor on a recorded line was: what can be told of it, and enough to make another like it.
enum RecordedCargo: CustomStringConvertible {
    case file(String)
    /// So many bytes of one value, which nobody can write any more, or both sides may.
    case memory(size: Int, value: UInt8, isSealed: Bool)
    /// One end of a connected pair.
    case socket

    init(_ text: String) throws {
        let words = text.split(separator: " ", maxSplits: 1).map(String.init)
        switch (words.first, words.count) {
        case ("socket", 1): self = .socket
        case ("file", 2): self = .file(words[1])
        case ("sealed", 2), ("writable", 2):
            let numbers = words[1].split(separator: " ").compactMap { Int($0) }
            guard numbers.count == 2 else { throw RecordedLine.Unreadable(line: text) }
            self = .memory(size: numbers[0], value: UInt8(numbers[1]), isSealed: words[0] == "sealed")
        default: throw RecordedLine.Unreadable(line: text)
        }
    }

    var description: String {
        switch self {
        case .socket: "socket"
        case .file(let contents): "file \(contents)"
        case .memory(let size, let value, let isSealed): "\(isSealed ? "sealed" : "writable") \(size) \(value)"
        }
    }

    /// Looks at what came along with a frame.
    init(of descriptor: Descriptor) throws {
        var status = stat()
        try systemCall("fstat") { fstat(descriptor.rawValue, &status) }
        if status.st_mode & S_IFMT == S_IFSOCK {
            self = .socket
            return
        }
        var contents = [UInt8](repeating: 0, count: Int(status.st_size))
        let count = contents.count
        try systemCall("pread") { pread(descriptor.rawValue, &contents, count, 0) }
        let seals = clinux_seals(descriptor.rawValue)
        if seals & CLINUX_SEAL_SHRINK != 0 {
            self = .memory(size: count, value: contents.first ?? 0, isSealed: seals & CLINUX_SEAL_WRITE != 0)
        } else {
            self = .file(String(decoding: contents, as: UTF8.self))
        }
    }

    /// Makes another like it; of a socket the far end too.
    func make() throws -> (descriptor: Descriptor, farEnd: StreamSocket?) {
        switch self {
        case .socket:
            let (near, far) = try StreamSocket.pair()
            return (near.descriptor, far)
        case .file(let contents):
            return (try Self.memory(Array(contents.utf8)), nil)
        case .memory(let size, let value, let isSealed):
            let memory = try Self.memory([UInt8](repeating: value, count: size))
            let seals = CLINUX_SEAL_SHRINK | CLINUX_SEAL_GROW | (isSealed ? CLINUX_SEAL_WRITE : 0)
            try systemCall("fcntl") { clinux_add_seals(memory.rawValue, seals) }
            return (memory, nil)
        }
    }

    /// Something open with these contents.
    static func memory(_ contents: [UInt8]) throws -> Descriptor {
        let memory = Descriptor(adopting: try systemCall("memfd_create") { clinux_memfd("compatibility") })
        try systemCall("pwrite") { pwrite(memory.rawValue, contents, contents.count, 0) }
        return memory
    }
}
