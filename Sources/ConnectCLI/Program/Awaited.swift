/// What a call is waiting for. The time-out error names it.
enum Awaited: Sendable {
    /// The bus.
    case bus
    /// The listener's answer to the introduction.
    case answer
    /// More standard input, or its end; the peer has taken all input so far.
    case input
    /// The peer, to take the messages, to answer them or to close.
    case peer
}
