public import ConnectTo
import ConnectToLinux
public import ConnectToMessaging

/// How a state is shared under a name: see ``SharedState/share(as:on:options:)``.
public struct SharingOptions: Sendable {
    /// The application id that the name lives under.
    public var origin = ContextName.defaultOrigin
    /// Free text about the name that every program on the bus can read.
    public var metadata: [String: String] = [:]
    /// Which programs may connect while this one has the name: those of the same user if not set.
    public var admission = Admission.sameUser
    /// What answers requests of the program's own on the same lines.
    public var handlers = Handlers()
    /// How long to wait for who owns the name to send what it has: ten seconds if not set.
    public var patience = Duration.seconds(10)

    /// Makes the usual options.
    public init() {}
}

/// A name under which a state is shared: this program owns it, or stands by and has a line to who does.
final class Sharing: Sendable {
    let name: String
    let bus: Bus
    let options: SharingOptions
    let context: Context
    /// Set once this replica owns the name, or has what the owner has.
    let ready = Latch<Result<Void, StateError>>()
    private let tasks = Lock<[Task<Void, Never>]>([])

    init(_ name: String, _ bus: Bus, _ options: SharingOptions, _ context: Context) {
        self.name = name
        self.bus = bus
        self.options = options
        self.context = context
    }

    func add(_ task: Task<Void, Never>) { tasks.withLock { $0.append(task) } }

    func stop() {
        ready.set(.failure(.closed))
        for task in tasks.withLock({ $0 }) { task.cancel() }
    }
}
