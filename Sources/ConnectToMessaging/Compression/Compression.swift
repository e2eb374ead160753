#if LZ4
    /// How a messenger compresses payloads: with LZ4, where the other program does so too.
    ///
    /// It is there with the package's trait `LZ4`, which needs Debian's `liblz4-dev`, and off unless
    /// ``MessengerOptions/compression`` is set. Then the messenger says so in its hello, and payloads are compressed, in
    /// requests, elements, answers, failures and events, once the other program has said the same. A payload that
    /// compression does not make shorter by an eighth is sent as it is. Nothing is shared between messages.
    ///
    /// **On a socket pair it costs time**, at any size: 256 KiB of JSON, compressed to a fifth, take one way five
    /// times as long as they do uncompressed (4 to 8 times in five runs beside each other; liblz4 1.9.4 and the sockets
    /// alone, on two processors). So use it for what waits for long and fills queues, or where a line is carried on to
    /// another machine.
    ///
    /// A payload is compressed on the thread that sends it, before the line is locked, and expanded on the port's loop.
    /// Limits hold for what a payload expands to: that of messages (`PortLimits.messageLength`), which is checked before any
    /// memory is taken, and ``MessengerOptions/window``.
    public struct Compression: Sendable, Hashable {
        /// Shorter payloads, in bytes, are sent as they are. 4,096 if not set; the least is 64.
        public var threshold = 4_096 {
            didSet { threshold = max(threshold, 64) }
        }

        /// Makes the usual compression.
        public init() {}
    }
#endif

extension MessengerOptions {
    /// The features that the messenger says it understands.
    var features: Set<String> {
        #if LZ4
            compression == nil ? [] : [Hello.lz4]
        #else
            []
        #endif
    }
}

extension Hello {
    /// The feature of `dbus/CALLS.md`, section 11.
    static let lz4 = "lz4"
}
