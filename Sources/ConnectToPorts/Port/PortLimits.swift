/// How much a port may hold, and for how long. All bounds of a port are declared here.
///
/// The limits are given when a bus is opened (`BusLimits.ports`) or a channel is made
/// (``MessageChannel/init(limits:on:)``), and do not change afterwards. A port that arrives with a message takes the
/// limits of the port that it came on.
///
/// One bound applies to the process and not to a port: of the descriptors that peers have sent, those that no program
/// has taken are at most half of the descriptors that the process may have open (RLIMIT_NOFILE), and 253 more. Beyond
/// that, input with descriptors waits, on every port, until some have been taken; all other input goes on.
///
/// The limits apply to this side. The peer has its own limits and does not know these, so a limit that is smaller than
/// a peer expects ends ports or stalls senders, as each limit describes. A value below the least one counts as the
/// least.
public struct PortLimits: Sendable, Hashable {
    /// The longest message, in bytes of its frame's payload, including the description of transferred things. 64 MiB if
    /// not set; the least is 0, the most 4 GiB less one byte.
    ///
    /// A longer message from the peer ends the port with ``CloseReason/Code/protocolError``, before memory is taken for
    /// it. A longer message to the peer is not posted: ``PortError/Code/messageTooLarge``. The protocol lets every
    /// sender send up to 64 MiB and no sender more. So a higher limit applies to receiving alone. A lower limit is for
    /// lines on which both sides know what they send: elsewhere it may cut off a peer that keeps to the protocol.
    public var messageLength = maximumSent {
        didSet { messageLength = min(max(messageLength, 0), Int(UInt32.max)) }
    }

    /// How many bytes may wait here for the peer to read, in addition to those that the kernel holds. 16 MiB if not
    /// set; the least is 0.
    ///
    /// Beyond this, `postMessage` throws ``PortError/Code/queueFull``. `send` begins to wait when half is used, and
    /// goes on when a quarter is left, so that callers that can wait leave room for those that cannot. An empty queue
    /// has room for any message or ``MessageBatch``. So the port holds at most this limit, one message or one batch,
    /// whichever is more. Another bound limits what the ports of a listener's callers hold together:
    /// `CallerLimits.heldBytes`.
    public var queuedOutput = 16 << 20 {
        didSet { queuedOutput = max(queuedOutput, 0) }
    }

    /// How many descriptors may wait here for the peer to read, those inside of transferred ports included. Otherwise
    /// the same as ``queuedOutput``. 256 if not set; the least is 0.
    public var queuedDescriptors = 256 {
        didSet { queuedDescriptors = max(queuedDescriptors, 0) }
    }

    /// How many bytes may wait here for the program to take them. 1 MiB if not set; the least is 1.
    ///
    /// Beyond this, the port stops reading and the kernel stalls the sender. So a port holds at most this limit and one
    /// message more. Each message counts 8 bytes in addition to its length, and 4 KiB for each transferred thing or
    /// each descriptor, whichever are more: 1 MiB is some 256 descriptors.
    public var queuedInput = 1 << 20 {
        didSet { queuedInput = max(queuedInput, 1) }
    }

    /// The largest ``SharedBuffer`` that the port accepts from a peer, in bytes; a larger one ends the port with
    /// ``CloseReason/Code/protocolError``. 1 GiB if not set; the least is 0.
    ///
    /// A buffer takes address space when it arrives, and memory when it is read.
    public var bufferSize = 1 << 30 {
        didSet { bufferSize = max(bufferSize, 0) }
    }

    /// How long a port that was closed here waits for a peer that takes nothing of what was posted before. Then the
    /// port gives up. A peer that reads at least 64 KiB in that time gets everything: the kernel does not report
    /// smaller amounts. 5 s if not set; the least is 0.
    public var linger = Duration.seconds(5) {
        didSet { linger = max(linger, .zero) }
    }

    public init() {}

    /// The longest message that the protocol lets a program send.
    static let maximumSent = 64 << 20

    /// The longest message that this port posts.
    var sentMessageLength: Int { min(messageLength, Self.maximumSent) }
}
