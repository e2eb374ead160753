import CConnectToLinux
import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import Glibc
import SystemPackage

/// A worker's process on its way from the program to the line.
struct WorkerLaunch: Sendable {
    let program: WorkerProgram
    /// The program as messages show it.
    let label: String
    let loop: EventLoop
    /// This side's end of the line.
    let port: MessagePort
    let errors: ErrorLines
    private let start: ProgramStart

    /// Makes all that the process needs.
    /// - Throws: ``ConnectToMessaging/CallError`` with `workerNotStarted`.
    init(_ program: WorkerProgram) throws(CallError) {
        self.program = program
        label = program.label
        let path = try program.path()
        let directory = try program.directory.map { directory throws(CallError) in
            let bytes = Array(directory.utf8)
            guard ProgramPath.isDirectory(bytes) else {
                throw Self.failure(program.label, "there is no directory \(directory); check WorkerProgram.directory")
            }
            return bytes
        }
        do {
            loop = try EventLoop.shared
            let (ours, theirs) = try MessageChannel.makePair(on: loop)
            port = ours
            var numbers: [Int32] = [-1, -1]
            try systemCall("pipe") { clinux_pipe(&numbers, 0) }
            let ends = numbers.map { Descriptor(adopting: $0) }
            errors = try ErrorLines(ends[0], forwards: program.errorOutput == .forwarded, on: loop)
            let socket = Descriptor(adopting: try theirs.detachSocket())
            var start = ProgramStart(
                [path] + program.arguments.map { Array($0.utf8) },
                environment: environmentEntries(changing: program.environment), input: socket, output: ends[1])
            start.errors = ends[1]
            start.directory = directory
            start.closesOthers = true
            start.opensDescriptor = true
            self.start = start
        } catch {
            throw Self.failure(program.label, "\(Self.words(error)); \(Self.advice(error))", cause: error)
        }
    }

    /// Starts the process, on a thread of its own: that blocks until the program's file has been read.
    ///
    /// Where this gives up, at the deadline or because the task is cancelled, what the thread starts later is killed.
    /// - Throws: ``ConnectToMessaging/CallError`` with `workerNotStarted` or `cancelled`, and no process is left, unless
    ///   the program's file has not been read yet.
    func run(until deadline: SuspendingClock.Instant) async throws(CallError) -> StartedProcess {
        let outcome = Latch<Result<StartedProcess, CallError>>()
        let isGone = Latch<Void>()
        do throws(SystemError) {
            try startDetachedThread(named: "worker-start") { [self] in
                do throws(CallError) {
                    let process = try runNow()
                    if !outcome.set(.success(process)) {
                        _ = process.end()
                        isGone.set()
                    }
                } catch {
                    outcome.set(.failure(error))
                    isGone.set()
                }
            }
        } catch { throw Self.failure(label, "\(error); \(Self.advice(error))", cause: error) }
        let timer = loop.schedule(after: SuspendingClock.now.duration(to: deadline)) { [self] in
            outcome.set(.failure(Self.failure(label, "its file was not read within \(program.startLimit)")))
        }
        defer { timer.cancel() }
        if let result = await outcome.wait() { return try result.get() }
        let cancelled = CallError(.cancelled, "the task that waited for the worker \(label) was cancelled")
        // It was started in the same moment, and nothing else knows of it.
        if !outcome.set(.failure(cancelled)), case .success(let process)? = outcome.value {
            process.endElsewhere { _ in isGone.set() }
        }
        let patience = loop.schedule(after: WorkerLife.patience) { isGone.set() }
        defer { patience.cancel() }
        // In a task that is not cancelled.
        await Task { _ = await isGone.wait() }.value
        throw cancelled
    }

    private func runNow() throws(CallError) -> StartedProcess {
        if let niceness = program.niceness {
            do throws(SystemError) {
                // The thread's own, which the process inherits: it has it from its first instruction on.
                try systemCall("setpriority") { clinux_set_thread_niceness(Int32(clamping: niceness)) }
            } catch {
                throw Self.failure(
                    label, "it cannot have the niceness \(niceness) (\(error)); only a privileged program can lower it",
                    cause: error)
            }
        }
        let process: StartedProcess
        do throws(SystemError) {
            process = try start.run()
        } catch {
            throw Self.failure(label, "\(error); \(Self.advice(error))", cause: error)
        }
        for limit in program.resourceLimits {
            do throws(SystemError) {
                try limit.set(for: process.pid)
            } catch {
                _ = process.end()
                throw Self.failure(
                    label,
                    "it cannot have the limit of \(limit) (\(error)); it may be above the hard limit (ulimit -H)",
                    cause: error)
            }
        }
        return process
    }

    // MARK: Words

    static func failure(_ label: String, _ what: String, cause: (any Error)? = nil) -> CallError {
        CallError(.workerNotStarted, "the worker \(label) could not be started: \(what)", cause: cause)
    }

    private static func words(_ error: any Error) -> String { (error as? PortError)?.message ?? "\(error)" }

    private static func advice(_ error: any Error) -> String {
        switch ((error as? PortError)?.cause as? SystemError ?? error as? SystemError)?.errno {
        case .resourceTemporarilyUnavailable, .noMemory:
            "the system allows no more processes or memory: end some, or raise the limit (ulimit -u, or that of the "
                + "control group)"
        case .tooManyOpenFiles: "close descriptors, or raise the limit (ulimit -n)"
        case .tooManyOpenFilesInSystem: "the system has no descriptors left: end programs, or raise fs.file-max"
        case .noSuchFileOrDirectory: "check that it exists, and that its #! line names a program that exists"
        case .execFormatError: "begin a script with #!; a program has to be built for this machine"
        case .permissionDenied: "make it executable with chmod +x, or check the program that its #! line names"
        default: "run it in a shell as this user to see why"
        }
    }
}

extension StartedProcess {
    /// Ends the process and its session on a thread of its own, since that blocks and looks at all processes of the
    /// system; on this one where the system has no thread left.
    func endElsewhere(_ whenEnded: @escaping @Sendable (Ending) -> Void) {
        do throws(SystemError) {
            try startDetachedThread(named: "worker-end") { [self] in whenEnded(end()) }
        } catch { whenEnded(end()) }
    }
}

extension WorkerProgram {
    /// The program as messages show it.
    var label: String {
        switch executable {
        case .named(let name): name
        case .thisProgram: linkTarget("/proc/self/exe") ?? "/proc/self/exe"
        }
    }

    fileprivate func path() throws(CallError) -> [UInt8] {
        guard case .named(let name) = executable else { return Array(Self.ownPath.utf8) }
        do throws(ProgramPath.Fault) {
            return try ProgramPath.find(Array(name.utf8)).bytes
        } catch {
            let fault =
                switch error {
                case .absent where name.contains("/"): "there is no such file; check the path"
                case .absent: "there is no such program in the directories of PATH; give its path"
                case .isDirectory: "it is a directory; give the path of a program in it"
                case .notExecutable: "it is not executable; make it so with chmod +x"
                }
            throw WorkerLaunch.failure(label, fault)
        }
    }

    /// The path under which this program was started, or, where its file has been replaced or removed since, the link
    /// to the file that still runs.
    private static var ownPath: String {
        let link = "/proc/self/exe"
        guard let path = linkTarget(link), ProgramPath.isExecutable(Array(path.utf8)) else { return link }
        return path
    }
}
