import ConnectTo
import Glibc

/// What stands between this process and the bus, and may hide names from it.
struct Surroundings: Sendable {
    let sandbox: Sandbox?
    /// The process that the bus takes for this one: a D-Bus proxy.
    let proxy: Peer?
    /// Whether the bus is in another pid namespace: whether a proxy stands between cannot be seen then.
    let isInNamespace: Bool

    init(_ facts: BusFacts) {
        sandbox = Sandbox.current()
        proxy = facts.own.flatMap { own in own.pid.flatMap { $0 == getpid() ? nil : own } }
        isInNamespace = !facts.areProcessesKnown
    }

    /// Whether a name without permission looks as if nobody had registered it.
    var hideNames: Bool { hiding != nil }

    /// How a name that nobody has may be one that is hidden; nil where none is.
    var hiding: String? {
        if sandbox != nil || proxy != nil {
            return
                "this process reaches the bus through a sandbox or a proxy, and the permission for the name may be missing"
        }
        return isInNamespace
            ? "this process is in another pid namespace than the bus (a container?), and a D-Bus proxy between them may hide the name"
            : nil
    }
}
