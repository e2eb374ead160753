import CConnectToLinux
import ConnectTo
import ConnectToLinux
import Glibc
import SystemPackage

/// All running commands. SIGCHLD says that one of them has ended or was stopped, but not which.
///
/// Not swift-subprocess: it closes every descriptor that the shell has given to the command, cannot say that a command
/// was stopped, and looks up C functions by their name, for which a static program has no table.
final class Children: Sendable {
    private let running = Lock<[Int32: ChildProcess]>([:])
    private let signals = Lock<Signals?>(nil)
    /// Starting a program blocks while its file is read, so it does not happen on the loop.
    private let starter: WorkerThread

    /// - Throws: ``SystemError`` if the process has no descriptors or threads left.
    init() throws {
        starter = try WorkerThread(name: "exec")
        let watch = try Signals([SIGCHLD], on: EventLoop.shared) { [weak self] _ in self?.pollAll() }
        signals.withLock { $0 = watch }
    }

    /// Starts a program. It inherits the descriptors that this process was started with, and none that this process has
    /// opened.
    ///
    /// - Parameters:
    ///   - words: the program and its arguments. A program without a slash is looked up in PATH.
    ///   - errors: its standard error; that of this process if not given.
    ///   - kept: descriptors that the program has too, under the same numbers.
    ///   - lingers: see ``ChildProcess``.
    ///   - whenStopped: called whenever a signal stops the program.
    func start(
        _ words: [[UInt8]], environment: [[UInt8]], input: Descriptor, output: Descriptor, errors: Descriptor? = nil,
        kept: [Int32] = [], lingers: Bool = false, whenStopped: @escaping @Sendable (ChildProcess.Stop) -> Void
    ) async throws(SystemError) -> ChildProcess {
        let outcome: Result<Int32, SystemError> = await starter.run {
            var pid: Int32 = 0
            let error = withCStrings(words) { arguments in
                withCStrings(environment) { environment in
                    clinux_spawn(
                        &pid, arguments[0], arguments, environment, input.rawValue, output.rawValue,
                        errors?.rawValue ?? -1, kept, Int32(kept.count))
                }
            }
            return error == 0
                ? .success(pid) : .failure(SystemError(operation: "posix_spawn", errno: Errno(rawValue: error)))
        }
        let child = ChildProcess(pid: try outcome.get(), lingers: lingers, whenStopped: whenStopped)
        running.withLock { $0[child.pid] = child }
        // SIGCHLD for this child may have come before it was listed in `running`.
        pollAll()
        return child
    }

    private func pollAll() {
        for child in running.withLock({ Array($0.values) }) {
            child.pollState()
            // Another child may have got the same number since.
            if child.hasEnded { running.withLock { if $0[child.pid] === child { $0[child.pid] = nil } } }
        }
    }
}

/// Calls the closure with the strings as a NULL-terminated array of C strings.
private func withCStrings<Result>(
    _ strings: [[UInt8]], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    let buffers = strings.map { string in
        let buffer = UnsafeMutableBufferPointer<CChar>.allocate(capacity: string.count + 1)
        _ = buffer.initialize(from: string.cString)
        return buffer
    }
    defer { for buffer in buffers { buffer.deallocate() } }
    return body(buffers.map(\.baseAddress) + [nil])
}
