import ConnectToLinux
import Glibc
import SystemPackage

/// The directory of `--save`. Its methods block, and can be called on many threads at once.
///
/// A file gets its name only when it is whole. So a file with a name is complete, and no file is overwritten unless
/// `--force` says so, whatever other processes write there meanwhile.
final class FileStore: Sendable {
    private let directory: Descriptor
    private let label: String
    private let overwrites: Bool
    private let sizeLimit: Int
    private let state = Lock(State())

    /// Whether a file without a name can get one later: linkat finds such a file through /proc.
    private let hasNamelessFiles: Bool

    private struct State {
        var partials: [ObjectIdentifier: PartialFile] = [:]
        var isAbandoned = false
    }

    /// - Parameters:
    ///   - sizeLimit: the most bytes that a file may have.
    ///   - hasNamelessFiles: `false` does without files that have no name, as on a file system that cannot make them.
    /// - Throws: ``Failure`` 64 if the argument is not a directory that can be opened.
    init(
        _ argument: String, overwrites: Bool, sizeLimit: Int = .max, hasNamelessFiles: Bool = true
    ) throws(Failure) {
        let path = ArgumentBytes.bytes(of: argument).cString
        label = TerminalText.escaped(argument)
        self.overwrites = overwrites
        self.sizeLimit = sizeLimit
        self.hasNamelessFiles = hasNamelessFiles && access("/proc/self/fd", X_OK) == 0
        do throws(SystemError) {
            directory = Descriptor(
                adopting: try systemCall("open") { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
        } catch {
            throw Failure(.usage, "--save \(label): \(error.errno); give a directory that exists")
        }
    }

    /// Copies a file, whole or not at all.
    /// - Parameter progress: called with the number of bytes that are done.
    /// - Throws: ``Failure`` 74; then nothing is left of the file.
    func save(
        _ file: RegularFile, as name: FileName, _ work: FileWork, _ progress: (Int) -> Void
    ) throws(Failure) {
        if file.size > sizeLimit {
            throw failure(
                name, ": its \(file.size) bytes are over the limit of \(sizeLimit); allow more with --max-size")
        }
        let count: Int
        do throws(SystemError) {
            count = try copy(file, to: name.bytes.cString, work, progress)
        } catch {
            // Whatever the error, its cause is that the store was abandoned.
            if isAbandoned {
                throw failure(name, ": the listener ended before the file was whole; pass it again")
            }
            throw failure(name, " (\(error.errno)); \(Self.hint(error.errno))")
        }
        if count < file.size {
            throw failure(
                name,
                ": the file ended after \(count) of \(file.size) bytes; pass it again when no program writes to it")
        }
    }

    /// Removes all partial files, because the program is about to exit.
    func abandon() {
        let partials = state.withLock { state in
            state.isAbandoned = true
            return state.partials.values
        }
        for partial in partials { partial.remove() }
    }

    private var isAbandoned: Bool { state.withLock { $0.isAbandoned } }

    /// - Returns: the number of bytes copied. The file has its name if that is all of them.
    private func copy(
        _ file: RegularFile, to final: [CChar], _ work: FileWork, _ progress: (Int) -> Void
    ) throws(SystemError) -> Int {
        var status = stat()
        if !overwrites, fstatat(directory.rawValue, final, &status, AT_SYMLINK_NOFOLLOW) == 0 {
            throw SystemError(operation: "linkat", errno: .fileExists)
        }
        let partial = try PartialFile(in: directory, permissions: file.permissions, nameless: hasNamelessFiles)
        let id = ObjectIdentifier(partial)
        let isKept = state.withLock { state in
            if !state.isAbandoned { state.partials[id] = partial }
            return !state.isAbandoned
        }
        defer {
            state.withLock { $0.partials[id] = nil }
            partial.remove()
        }
        guard isKept else { throw SystemError(operation: "write", errno: .canceled) }
        var copy = FileCopy(from: file.descriptor, to: partial.descriptor.rawValue, size: file.size)
        let count = try copy.run { done throws(SystemError) in
            try work.step()
            progress(done)
            if isAbandoned { throw SystemError(operation: "write", errno: .canceled) }
        }
        if count == file.size {
            try work.commit()
            try partial.publish(as: final, overwriting: overwrites)
        }
        return count
    }

    private func failure(_ name: FileName, _ reason: String) -> Failure {
        Failure(.inputOutput, "\(name.label) was not saved in \(label)\(reason)")
    }

    private static func hint(_ error: Errno) -> String {
        switch error {
        case .fileExists: "--force overwrites it"
        case .tooManyOpenFiles: "allow more open files (ulimit -n)"
        case .fileTooLarge: "allow larger files (ulimit -f)"
        case .noSpace, .diskQuotaExceeded: "free space there, and pass it again"
        case .badFileDescriptor: "pass it open for reading"
        default: "check the directory, and the file at its sender"
        }
    }
}

/// A file's name within one directory, made from the name that a peer gives.
///
/// A peer can never choose a path: directories are stripped, and a rest that is not an ordinary file name is refused.
/// `FilePath.lastComponent` accepts `a/` and `..`.
struct FileName: Equatable, Sendable {
    /// The bytes of the name, without a closing NUL: any but NUL and slash, as in file systems.
    let bytes: [UInt8]

    /// The longest name that Linux file systems accept, in bytes.
    static let limit = 255

    /// `nil` if the rest cannot be a file's name: if it is empty, `.` or `..`, contains a NUL, or is too long.
    init?(received: [UInt8]) {
        let last = received.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).last ?? []
        let dot = UInt8(ascii: ".")
        guard !last.isEmpty, last.count <= Self.limit, !last.contains(0), Array(last) != [dot],
            Array(last) != [dot, dot]
        else { return nil }
        bytes = Array(last)
    }

    /// The name for people: invalid UTF-8 is repaired, control characters are escaped.
    var label: String { TerminalText.escaped(String(decoding: bytes, as: UTF8.self)) }
}

/// A regular file that a peer has passed, as it was on arrival.
struct RegularFile {
    let descriptor: Int32
    /// In bytes.
    let size: Int
    /// The permission bits, without setuid, setgid and sticky: the sender may set those on its own file only.
    let permissions: mode_t

    /// Nil if the file is not a regular one. Blocks for as long as the peer's file system likes.
    init?(_ descriptor: Int32) throws(SystemError) {
        var status = stat()
        try systemCall("fstat") { fstat(descriptor, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        self.descriptor = descriptor
        size = Int(status.st_size)
        permissions = status.st_mode & 0o777
    }
}
