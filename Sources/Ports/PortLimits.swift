/// How much a port may hold, and for how long. Every bound of a port stands here.
package struct PortLimits: Sendable {
    /// The longest message, in bytes, sent or taken. Every receiver takes at least 64 MiB; a longer frame
    /// ends the port with ``CloseReason/Code/protocolError``.
    package var messageLength = 64 << 20

    /// How many bytes may wait here for the peer to read, beyond what the kernel holds. Over it
    /// `postMessage` throws and `send` waits. A message that finds nothing queued always has room.
    package var queuedOutput = 16 << 20

    /// How many descriptors may wait here for the peer to read, those inside of transferred ports included.
    /// Otherwise as ``queuedOutput``.
    package var queuedDescriptors = 256

    /// How many bytes may wait here to be taken by the program. Over it the port stops reading, and the
    /// kernel stalls the sender; so a port holds this and one message more, at the most.
    package var queuedInput = 1 << 20

    /// The largest ``SharedBuffer`` that is taken from a peer, in bytes; a larger one ends the port. It takes
    /// address space, and memory as it is read.
    package var bufferSize = 1 << 30

    /// How long a closed port waits for a peer that takes nothing of what was posted before.
    package var linger = Duration.seconds(5)

    package init() {}
}
