import ConnectToLinux

/// What the program itself decides about a caller before it gets its port: by the peer, and by what the caller says
/// of itself.
///
/// ```swift
/// let screening = Screening { caller in
///     guard let path = caller.metadata["path"], await documents.contains(path) else {
///         return .refuse(because: "there is no such document")
///     }
///     return .admit
/// }
/// let context = try await bus.register("documents", options: ContextOptions(screening: screening))
/// ```
///
/// ``ContextOptions/admission`` says which programs may connect at all, and no caller learns that rule; what its
/// refused callers are told is ``ContextOptions/refusal``. The closure
/// is asked about the callers that the rule admits, and a caller that the closure refuses learns why: its port ends
/// with ``CloseReason/Code/refused``, and the reason stands in ``CloseReason/detail``. Until the closure has decided,
/// the caller has no line: there is no connect event, nothing that it has posted is read, and its port is not open.
///
/// **Many callers.** The closure runs off the loop, for several callers at the same time. Callers of one connection
/// to the bus get their connect events in the order of their calls, so each waits for the decisions about those
/// before it. A caller that waits counts with its descriptor and its metadata among those of its user
/// (``CallerLimits``), and waits no longer than the time limit: after it the caller is refused, and the closure's
/// task is cancelled. So callers about which the program never decides cost a bounded amount for a bounded time.
public struct Screening: Sendable {
    /// A caller about which the program decides.
    public struct Caller: Sendable {
        /// The peer that calls.
        public let peer: Peer
        /// Free text that the caller sent along (``ConnectOptions/metadata``): the caller's word and no more.
        public let metadata: [String: String]

        /// A caller made by hand: for tests of code that screens callers.
        public init(peer: Peer, metadata: [String: String] = [:]) {
            self.peer = peer
            self.metadata = metadata
        }
    }

    /// What happens to a caller.
    public struct Decision: Sendable, Hashable {
        /// Nil where the caller is admitted.
        let reason: String?

        /// The caller is admitted, and there is a connect event.
        public static let admit = Decision(reason: nil)

        /// The caller is refused, and learns the reason.
        /// - Parameter reason: a sentence for people. The caller's program shows it unchanged, so it should name what
        ///   was asked for. A reason longer than 1,024 bytes is cut, and a NUL becomes U+FFFD.
        public static func refuse(because reason: String) -> Decision { Decision(reason: reason) }
    }

    private let deadline: Duration
    private let decide: @Sendable (Caller) async -> Decision

    /// - Parameters:
    ///   - deadline: how long the closure may take. Callers that do not wait for the name give up after five seconds
    ///     (``BusLimits/introduction``), so the deadline should be less.
    ///   - decide: decides about a caller.
    public init(within deadline: Duration = .seconds(3), _ decide: @escaping @Sendable (Caller) async -> Decision) {
        self.deadline = deadline
        self.decide = decide
    }

    private static let undecided = Decision.refuse(because: "its program did not decide in time; try again")

    /// The closure's decision, or a refusal where it did not come in time.
    func decision(on caller: Caller) async -> Decision {
        let answer = Latch<Decision>()
        let asking = Task { [decide] in answer.set(await decide(caller)) }
        defer { asking.cancel() }
        return await answer.wait(atMost: deadline) ?? Self.undecided
    }
}

extension Screening.Decision {
    private static let longestReason = 1_024

    /// The reason as D-Bus can carry it; nil where the caller is admitted.
    var carriableReason: String? {
        guard var reason = reason?.replacing("\0", with: "\u{fffd}") else { return nil }
        while reason.utf8.count > Self.longestReason { reason.removeLast() }
        return reason
    }
}
