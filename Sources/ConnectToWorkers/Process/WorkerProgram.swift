/// How a worker is started: which program, and with what.
///
/// ```swift
/// var program = WorkerProgram.executable("thumbnail-worker")
/// program.resourceLimits = [.addressSpace(1 << 30), .cpuTime(.seconds(60))]
/// program.niceness = 10
/// let worker = try await WorkerProcess.start(program)
/// ```
///
/// The worker's descriptor 0 is its end of the line. Its standard output goes where its standard error goes, so that a
/// stray `print` breaks nothing, and it has no other descriptor of this program. It has a session of its own: no
/// terminal can stop it, Ctrl-C does not reach it, and all that it starts can be ended with it.
public struct WorkerProgram: Sendable {
    /// Where the text lines go that a worker writes to its standard error and output.
    ///
    /// In either case the last 8 KiB are kept for ``WorkerExit/errorLines``.
    public enum ErrorOutput: Sendable, Hashable {
        /// To this program's standard error, a whole line at a time. A worker that writes more than that takes waits in
        /// its `write`.
        case forwarded
        /// Nowhere else.
        case kept
    }

    enum Executable: Sendable, Hashable {
        case named(String)
        case thisProgram
    }

    let executable: Executable
    /// The program's arguments, without its name.
    public var arguments: [String]
    /// Changes to this program's environment: a value sets a variable, nil removes it.
    public var environment: [String: String?] = [:]
    /// The worker's working directory; nil, if not set, is this program's. A program given by a relative path is looked
    /// up before.
    public var directory: String?
    /// What the kernel lets the worker have; nothing is limited beyond this program's own limits if not set.
    ///
    /// They are set right after the start, so the worker has run for a moment without them.
    public var resourceLimits: [ResourceLimit] = []
    /// The worker's niceness, -20 to 19, as nice(1) has it; nil, if not set, is this program's. Lowering it takes a
    /// privilege (CAP_SYS_NICE).
    public var niceness: Int?
    /// Where the worker's text lines go; ``ErrorOutput/forwarded`` if not set.
    public var errorOutput = ErrorOutput.forwarded
    /// How long a worker may take until it is ready: 10 s if not set. One that takes longer is killed.
    public var startLimit: Duration = .seconds(10)

    /// A program of its own.
    ///
    /// - Parameters:
    ///   - pathOrName: a path, if it has a slash in it; otherwise a name, looked up in the directories of this program's
    ///     PATH.
    ///   - arguments: its arguments, without its name.
    public static func executable(_ pathOrName: String, arguments: [String] = []) -> WorkerProgram {
        WorkerProgram(executable: .named(pathOrName), arguments: arguments)
    }

    /// This program once more, which has to tell by its arguments that it is a worker. It is the program that runs,
    /// also where its file has been replaced since.
    public static func thisProgram(arguments: [String] = []) -> WorkerProgram {
        WorkerProgram(executable: .thisProgram, arguments: arguments)
    }

    private init(executable: Executable, arguments: [String]) {
        self.executable = executable
        self.arguments = arguments
    }
}
