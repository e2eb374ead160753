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

    /// The same failure; where names may be hidden, one that nobody has says so.
    static func explaining(_ failure: Failure, calling name: String, on bus: Bus) async -> Failure {
        guard failure.status == .noSuchName, let message = failure.message,
            let facts = try? await bus.facts(), Self(facts).hideNames
        else { return failure }
        return Failure(
            .noSuchName,
            """
            \(message); this process reaches the bus through a sandbox or a proxy, and the permission for the name may be \
            missing: connect doctor \(TerminalText.escaped(name)) tells more
            """)
    }
}
