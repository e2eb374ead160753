import ConnectToLinux

/// A port between two owners: its socket, and the part of its input and output that is in user space, so that order
/// holds over any number of hops.
struct PortCargo: Sendable {
    /// Nil where the line was over already; then ``input`` holds all that is left of the line.
    var socket: StreamSocket?
    /// The traffic counter of the line that the port was taken from, for taking the port back.
    var traffic: Traffic.Share?
    /// Messages posted and taken since the line's beginning, for the count in the close frame.
    var posted: UInt64
    var taken: UInt64
    /// This side has sent or queued a finish frame.
    var hasFinished: Bool
    /// The receiver can use the line only if it knows the extension that came with it. This version knows no extension.
    var needsExtension = false
    /// Bytes that were received, and are not taken.
    var input: Segment
    /// Frames that were posted, and are not handed to the kernel.
    var output: [Segment]

    /// The kernel has the finish frame: it would be the last frame of the output.
    var finishIsSent: Bool { hasFinished && output.isEmpty }
}
