/// Who is at the other end, as the bus tells it.
///
/// The facts were true when the bus was asked. A process id can be used again after its process has ended,
/// and a process may rename itself: between programs of one user these are hints, not proofs.
public struct Peer: Sendable, Hashable {
    /// The unique name of the peer's connection to the bus (`:1.42`); never used again while the bus lives.
    public let busName: String
    /// The process id, where the bus knows it.
    public let pid: Int32?
    /// The user id, where the bus knows it.
    public let uid: UInt32?
    /// What the process calls itself (`/proc/PID/comm`, up to 15 bytes), where it could be read.
    public let processName: String?
    /// The context that the peer says it bears; nil unless the bus confirms that it does.
    public let context: ContextName?

    init(
        busName: String, pid: Int32? = nil, uid: UInt32? = nil, processName: String? = nil,
        context: ContextName? = nil
    ) {
        self.busName = busName
        self.pid = pid
        self.uid = uid
        self.processName = processName
        self.context = context
    }

    func bearing(_ context: ContextName) -> Peer {
        Peer(busName: busName, pid: pid, uid: uid, processName: processName, context: context)
    }
}
