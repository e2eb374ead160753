import ConnectTo
import Glibc

/// What stands between this process and the bus, and may hide names from it.
struct Surroundings: Sendable {
    let sandbox: Sandbox?
    /// The process that the bus takes for this one.
    let proxy: Peer?

    init(_ facts: BusFacts) {
        sandbox = Sandbox.current()
        proxy = facts.own.flatMap { own in own.pid.flatMap { $0 == getpid() ? nil : own } }
    }

    /// Whether a name without permission looks as if nobody had registered it.
    var hideNames: Bool { sandbox != nil || proxy != nil }
}
