/// What a line carries. Agreed on when the two sides are introduced, never guessed from what arrives.
public enum LineFormat: String, Sendable, Hashable {
    /// Messages, posted and taken with a ``MessagePort``.
    case messages
    /// Bytes as they come, in both directions, for a program or library that speaks a protocol of its own: take
    /// the socket with ``MessagePort/takeFileDescriptor()``. The port itself neither reads nor writes.
    case stream
}
