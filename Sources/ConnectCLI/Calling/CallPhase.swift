/// What a call is waiting for. The time-out error names it.
enum CallPhase: Sendable {
    /// The bus.
    case awaitingBus
    /// The listener's answer to the introduction.
    case awaitingAnswer
    /// More standard input, or its end; the peer has taken all input so far.
    case awaitingInput
    /// The peer, to take the messages, to answer them or to close.
    case awaitingPeer
}
