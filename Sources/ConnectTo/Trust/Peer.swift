import ConnectToLinux

/// The program at the other end of a line, as the bus and the kernel describe it; never as a message says.
///
/// User, groups and security label come from the bus, and no program of another user can forge them. What is known of
/// the *process* (its number, name, executable and application) is a hint among programs of one user, which can
/// change all of it; `SECURITY.md` says what holds against whom. For a sandboxed program, the process is that of its
/// D-Bus proxy. Where the bus is in another pid namespace than this process, as outside of a container, nothing is
/// known of any process: the bus's number would be some other process's here.
///
/// A peer value holds a descriptor of the process. So it notices when the kernel has given the process's number to
/// another one: what is read of the process later is nil from then on.
public struct Peer: Sendable {
    /// The unique name of the peer's connection to the bus (`:1.42`); never used again while the bus lives.
    public let busName: String
    /// The user id, where the bus knows it.
    public let uid: UInt32?
    /// The ids of all groups of the peer, the primary one among them, where the bus knows them.
    public let groups: [UInt32]?
    /// The process id, where the bus knows it and it is of this process's pid namespace.
    public let pid: Int32?
    /// What the process calls itself (`/proc/PID/comm`, up to 15 bytes), where it could be read.
    public let processName: String?
    /// What the kernel's security module (AppArmor, SELinux, Smack) calls the process, where the bus knows it.
    public let securityLabel: String?
    /// The context that the peer says it owns; nil unless the bus confirms that.
    public internal(set) var context: ContextName?
    /// The context that the peer says it owns, which the bus need not have confirmed.
    var claimedContext: ContextName?
    var process: ProcessHandle?
    /// Whether the bus itself gave the process's descriptor.
    let isProcessFromBus: Bool
    /// What the peer is counted by.
    let account: Account

    /// A peer that no bus has vouched for: for tests of code that judges peers, such as a closure of ``Admission``.
    ///
    /// What is read of the process later (``executable``, ``hasExited``, and ``application`` except for the
    /// context's) is nil, whatever the process id. Peers of a bus come with ``ConnectEvent``, ``ContextInfo`` and
    /// ``ConnectToError/owner``.
    public init(
        busName: String, uid: UInt32? = nil, groups: [UInt32]? = nil, pid: Int32? = nil, processName: String? = nil,
        securityLabel: String? = nil, context: ContextName? = nil
    ) {
        self.init(
            busName: busName, uid: uid, groups: groups, pid: pid, processName: processName,
            securityLabel: securityLabel, process: nil)
        self.context = context
    }

    init(
        busName: String, uid: UInt32? = nil, groups: [UInt32]? = nil, pid: Int32? = nil, processName: String? = nil,
        securityLabel: String? = nil, process: ProcessHandle?, isProcessFromBus: Bool = false,
        account: Account? = nil
    ) {
        self.busName = busName
        self.uid = uid
        self.groups = groups
        self.pid = pid
        self.processName = processName
        self.securityLabel = securityLabel
        self.process = process
        self.isProcessFromBus = isProcessFromBus
        self.account = account ?? .connection(busName)
    }

    /// Whether the process may be another one than the process that called.
    ///
    /// False only where the bus has handed over a descriptor of the process that connected to it (ProcessFD: newer
    /// than dbus-daemon 1.14 and dbus-broker 33). Otherwise the process is looked up by its number a moment later,
    /// and a program that makes processes fast enough may have got the same number in between.
    public var isProcessUncertain: Bool { process == nil || !isProcessFromBus }

    /// What a peer is counted by among those of its user: a program gets connections for nothing, and processes less
    /// easily.
    enum Account: Hashable, Sendable {
        /// The bus's number of the process, also where that number means nothing here.
        case process(Int32, of: UInt32?)
        /// A connection whose process the bus does not know.
        case connection(String)
    }

    /// Whether the process has ended; the kernel may give its number to another one from then on. Nil where the
    /// process is not known.
    public var hasExited: Bool? { process?.hasEnded }

    /// The program that the process runs, as an absolute path. Each access reads it anew. Nil where the process has
    /// ended, and where the kernel does not tell: for another user's process it tells only root.
    ///
    /// A hint between programs of one user: a process can run another program (exec) after its call, or before it
    /// while a process that it has made calls over the same connection. For another user's process it proves nothing.
    public var executable: String? {
        process?.whileRunning { ConnectToLinux.executable(of: process?.pid ?? 0) }
    }
}

extension Peer: Hashable {
    private var facts: [String?] {
        [
            busName, uid?.description, groups?.description, pid?.description, processName, securityLabel,
            context?.busName,
        ]
    }

    public static func == (a: Peer, b: Peer) -> Bool { a.facts == b.facts }

    public func hash(into hasher: inout Hasher) { hasher.combine(busName) }
}

extension Peer: CustomStringConvertible {
    /// For logs.
    public var description: String {
        var words = [busName]
        if let uid { words.append("uid \(uid)") }
        if let pid { words.append("pid \(pid)") }
        if let processName { words.append(processName.debugDescription) }
        if let context { words.append(context.busName) }
        return words.joined(separator: ", ")
    }
}
