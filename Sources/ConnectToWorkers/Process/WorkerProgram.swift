/// How a worker is started.
public struct WorkerProgram: Sendable {
    /// Where the lines go that a worker writes to its standard error and output.
    public enum ErrorOutput: Sendable, Hashable {
        /// To this program's standard error, and the last ones are kept for ``WorkerExit``.
        case forwarded
        /// The last ones are kept for ``WorkerExit``, and the others are dropped.
        case kept
    }

    enum Executable: Sendable, Hashable {
        case named(String)
        case thisProgram
    }

    let executable: Executable
    let arguments: [String]
    /// Changes to this program's environment; nil removes a variable.
    public var environment: [String: String?] = [:]
    /// The worker's working directory; this program's if nil.
    public var directory: String?
    public var resourceLimits: [ResourceLimit] = []
    public var niceness: Int?
    public var errorOutput = ErrorOutput.forwarded
    /// How long a worker may take until it is ready.
    public var startLimit: Duration = .seconds(10)

    public static func executable(_ pathOrName: String, arguments: [String] = []) -> WorkerProgram {
        WorkerProgram(executable: .named(pathOrName), arguments: arguments)
    }

    public static func thisProgram(arguments: [String] = []) -> WorkerProgram {
        WorkerProgram(executable: .thisProgram, arguments: arguments)
    }

    private init(executable: Executable, arguments: [String]) {
        self.executable = executable
        self.arguments = arguments
    }
}
