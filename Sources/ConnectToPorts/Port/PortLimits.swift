/// How much a port may hold, and for how long. Every bound of a port stands here.
///
/// Given when a bus is opened (`BusLimits.ports`) or a channel is made (``MessageChannel/init(limits:on:)``), and
/// settled from then on. A port that arrives with a message takes the limits of the port that it came on.
///
/// One bound is the process's and not a port's: of the descriptors that peers have sent, those that no program has
/// taken are at most half of what the process may have open (RLIMIT_NOFILE), and 253 more. From there on what
/// comes with descriptors waits, on whatever port, until some have been taken; all else goes on.
///
/// The limits are this side's. The peer has its own and knows nothing of these, so what is made smaller than a
/// peer expects ends ports or stalls senders, as is said of each. A value below its least counts as the least.
public struct PortLimits: Sendable, Hashable {
    /// The longest message, in bytes of its frame's payload, what describes the things transferred with it
    /// included. 64 MiB if not set; the least is 0, the most 4 GiB less one byte.
    ///
    /// A longer one from the peer ends the port with ``CloseReason/Code/protocolError``, before memory is taken for
    /// it; a longer one to the peer is not posted, with ``PortError/Code/messageTooLarge``. The protocol lets
    /// everybody send up to 64 MiB and nobody send more. So what is set above counts for receiving alone; and what is
    /// set below is for lines on which both sides know what they send: there a peer that keeps to the protocol
    /// may be cut off.
    public var messageLength = maximumSent {
        didSet { messageLength = min(max(messageLength, 0), Int(UInt32.max)) }
    }

    /// How many bytes may wait here for the peer to read, beyond what the kernel holds. 16 MiB if not set; the
    /// least is 0.
    ///
    /// Over it `postMessage` throws ``PortError/Code/queueFull``. `send` waits from half of it on until a quarter is
    /// left, so that callers that can wait leave room for those that cannot. A message, or a ``MessageBatch``, that
    /// finds nothing queued always has room, so the port holds this, one message or one batch, whichever is more. What the
    /// ports of a listener's callers hold is bounded together, too: `CallerLimits.heldBytes`.
    public var queuedOutput = 16 << 20 {
        didSet { queuedOutput = max(queuedOutput, 0) }
    }

    /// How many descriptors may wait here for the peer to read, those inside of transferred ports included.
    /// Otherwise as ``queuedOutput``. 256 if not set; the least is 0.
    public var queuedDescriptors = 256 {
        didSet { queuedDescriptors = max(queuedDescriptors, 0) }
    }

    /// How many bytes may wait here to be taken by the program. 1 MiB if not set; the least is 1.
    ///
    /// Over it the port stops reading, and the kernel stalls the sender; so a port holds this and one message
    /// more, at the most. Each message counts 8 bytes more than it has, and 4 KiB for each thing transferred or
    /// each descriptor, whichever are more: 1 MiB is some 256 descriptors.
    public var queuedInput = 1 << 20 {
        didSet { queuedInput = max(queuedInput, 1) }
    }

    /// The largest ``SharedBuffer`` that is taken from a peer, in bytes; a larger one ends the port with
    /// ``CloseReason/Code/protocolError``. 1 GiB if not set; the least is 0.
    ///
    /// A buffer takes address space as it comes, and memory as it is read.
    public var bufferSize = 1 << 30 {
        didSet { bufferSize = max(bufferSize, 0) }
    }

    /// How long a port that was closed here waits for a peer that takes nothing of what was posted before. Then it is
    /// dropped. One that reads at least 64 KiB in that time gets all: the kernel does not tell of less. 5 s if not set;
    /// the least is 0.
    public var linger = Duration.seconds(5) {
        didSet { linger = max(linger, .zero) }
    }

    public init() {}

    /// The longest message that the protocol lets anybody send.
    static let maximumSent = 64 << 20

    /// The longest message that is posted here.
    var sentMessageLength: Int { min(messageLength, Self.maximumSent) }
}
