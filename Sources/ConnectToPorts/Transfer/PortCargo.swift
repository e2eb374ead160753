import ConnectToLinux

/// A port between two owners: its socket, and what user space has of its line, so that order holds over any
/// number of hops.
struct PortCargo: Sendable {
    /// Nil where the line was over already; then all there is to tell stands in ``input``.
    var socket: StreamSocket?
    /// Of the line that it was taken out of: for taking it back.
    var traffic: Traffic.Share?
    /// Messages posted and taken since the line's beginning, for the number in the close frame.
    var posted: UInt64
    var taken: UInt64
    /// This side has said that it posts no more.
    var hasFinished: Bool
    /// Whoever goes on with the line has to know the extension that it came with. Nothing is known here.
    var needsExtension = false
    /// Received, and not taken.
    var input: StreamPiece
    /// Posted, and not handed to the kernel.
    var output: [StreamPiece]
}
