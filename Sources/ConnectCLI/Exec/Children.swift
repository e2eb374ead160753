import ConnectTo
import ConnectToLinux
import Glibc
import SystemPackage

/// All running commands. SIGCHLD says that one of them has ended or was stopped, but not which.
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
    ///   - joinsSession: whether the program is in this process's session, in place of one of its own.
    ///   - lingers: see ``ChildProcess``.
    ///   - whenStopped: called whenever a signal stops the program.
    func start(
        _ words: [[UInt8]], environment: [[UInt8]], input: Descriptor, output: Descriptor, errors: Descriptor? = nil,
        kept: [Int32] = [], joinsSession: Bool = false, lingers: Bool = false,
        whenStopped: @escaping @Sendable (ChildProcess.Stop) -> Void = { _ in }
    ) async throws(SystemError) -> ChildProcess {
        var program = ProgramStart(words, environment: environment, input: input, output: output)
        program.errors = errors
        program.kept = kept
        program.joinsSession = joinsSession
        let outcome: Result<StartedProcess, SystemError> = await starter.run { [program] in
            do throws(SystemError) { return .success(try program.run()) } catch { return .failure(error) }
        }
        let child = ChildProcess(try outcome.get(), lingers: lingers, whenStopped: whenStopped)
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
