import ConnectTo

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

extension CloseReason {
    static let outOfTime = CloseReason(
        .timedOut, detail: "the time of --timeout had passed before the port was open")
    static let cancelledHere = CloseReason(
        .cancelled, detail: "the call was ended before the port was open")
}

extension Failure {
    /// The failure when the time limit for the whole call (`--timeout`) has passed.
    static func overTime(
        _ time: Duration, calling name: String, _ phase: CallPhase
    ) -> Failure {
        let name = TerminalText.escaped(name)
        let advice =
            switch phase {
            case .awaitingBus: "the bus has not answered; check whether it runs, or allow more time"
            case .awaitingAnswer: "\(name) has not answered; look at what it does, or allow more time"
            case .awaitingInput: "standard input has not ended; end it (</dev/null), or allow more time"
            case .awaitingPeer: "\(name) has not ended the call; look at what it does, or allow more time"
            }
        return Failure(.timedOut, "the call was not done within \(time.inSeconds) s (--timeout): \(advice)")
    }
}
