import CLinux
import Glibc
import LinuxIO
import SystemPackage

/// The directory of `--save`. Its methods block.
///
/// A file is written under a temporary name and gets its own when it is whole; so what has a name is complete,
/// and nothing is overwritten unless asked for, whoever else writes there meanwhile.
final class FileStore: Sendable {
    private static let chunk = 1 << 20

    private let directory: Descriptor
    private let label: String
    private let overwrites: Bool
    private let state = Lock(State())

    private struct State {
        /// Under its temporary name, with a NUL behind it.
        var partial: [CChar]?
        var count = 0
        var isAbandoned = false
    }

    /// - Throws: ``Failure`` 64 where it is no directory that can be opened.
    init(_ argument: String, overwrites: Bool) throws(Failure) {
        let path = ArgumentBytes.bytes(of: argument).map { CChar(bitPattern: $0) } + [0]
        label = TerminalText.escaped(argument)
        self.overwrites = overwrites
        do throws(SystemError) {
            directory = Descriptor(
                adopting: try systemCall("open") { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
        } catch {
            throw Failure(.usage, "--save \(label): \(error.errno); give a directory that exists")
        }
    }

    /// Copies a regular file from its beginning, wherever its offset is.
    /// - Parameters:
    ///   - size: how many bytes at the most: whoever passed the file may go on writing it for ever.
    ///   - progress: is told how many bytes are done.
    /// - Throws: ``Failure`` 74; then nothing is left of it.
    func save(_ source: Int32, size: Int, as name: FileName, _ progress: (Int) -> Void) throws(Failure) {
        let final = name.bytes.map { CChar(bitPattern: $0) } + [0]
        do throws(SystemError) {
            var status = stat()
            if !overwrites, fstatat(directory.rawValue, final, &status, AT_SYMLINK_NOFOLLOW) == 0 {
                throw SystemError(operation: "rename", errno: .fileExists)
            }
            let partial = try begin()
            defer { abandonPartial() }
            let target = Descriptor(
                adopting: try systemCall("openat") {
                    openat(
                        directory.rawValue, partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        0o666)
                })
            try copy(source, size, to: target.rawValue, progress)
            try systemCall("rename") {
                clinux_rename_in(directory.rawValue, partial, final, overwrites ? 1 : 0)
            }
            state.withLock { $0.partial = nil }
        } catch {
            // Whatever the error, that is where it comes from.
            if isAbandoned {
                throw Failure(
                    .inputOutput, "\(name.label) was not saved in \(label): ended before it was whole; pass it again")
            }
            let hint =
                switch error.errno {
                case .fileExists: "; --force overwrites it"
                case .tooManyOpenFiles: "; allow more open files (ulimit -n)"
                default: "; check the directory, and the peer"
                }
            throw Failure(.inputOutput, "\(name.label) was not saved in \(label) (\(error.errno))\(hint)")
        }
    }

    /// Leaves nothing half done behind: the command is about to end.
    func abandon() {
        state.withLock { $0.isAbandoned = true }
        abandonPartial()
    }

    private var isAbandoned: Bool { state.withLock { $0.isAbandoned } }

    /// Chooses a temporary name.
    private func begin() throws(SystemError) -> [CChar] {
        let name: [CChar]? = state.withLock { state in
            if state.isAbandoned { return nil }
            state.count += 1
            let name = ".connect-\(getpid())-\(state.count).part".utf8.map { CChar(bitPattern: $0) } + [0]
            state.partial = name
            return name
        }
        guard let name else { throw SystemError(operation: "openat", errno: .canceled) }
        return name
    }

    private func abandonPartial() {
        let partial = state.withLock { state in
            defer { state.partial = nil }
            return state.partial
        }
        if let partial { unlinkat(directory.rawValue, partial, 0) }
    }

    private func copy(
        _ source: Int32, _ size: Int, to target: Int32, _ progress: (Int) -> Void
    ) throws(SystemError) {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunk, alignment: 4096)
        defer { room.deallocate() }
        var done = 0
        while done < size {
            if isAbandoned { throw SystemError(operation: "write", errno: .canceled) }
            let wanted = min(room.count, size - done)
            let count = try systemCall("pread") { pread(source, room.baseAddress, wanted, done) }
            if count == 0 { return }
            var written = 0
            while written < count {
                let rest = UnsafeRawBufferPointer(rebasing: room[written..<count])
                written += try systemCall("write") { write(target, rest.baseAddress, rest.count) }
            }
            done += count
            progress(done)
        }
    }
}
