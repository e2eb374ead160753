/// What a call waits for: for saying why it took too long.
enum Awaited: Sendable {
    /// The bus.
    case bus
    /// The listener's answer to the introduction.
    case answer
    /// More of our own standard input, or its end; the peer has taken what came before.
    case input
    /// What the peer does with what it has got.
    case peer
}
