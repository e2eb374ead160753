public import Logging

/// How a messenger treats its line: above all how much it holds of what the other program sends.
public struct MessengerOptions: Sendable {
    /// How many requests the other program may have under way here: 1 to 2³¹ − 1, 64 if not set. Further ones wait
    /// there. A number outside of that counts as the nearest inside.
    public var places = 64
    /// How many bytes of requests and events wait or run here, besides one more message: 64 KiB at least, 16 MiB if
    /// not set. Less counts as 64 KiB.
    public var window = 16 << 20
    /// How many bytes of events wait here for the other program to take them: 16 MiB if not set.
    /// `post` throws beyond.
    public var queuedEvents = 16 << 20

    /// Where each request is logged when it ends, on both sides; nil (if not set): nowhere.
    ///
    /// It is an entry at debug level with the message `request`, `stream` or `barrier` and the metadata `type`,
    /// `direction` (`sent` or `received`), `duration` (in microseconds; of a request that was received, from the start
    /// of its handler), `outcome` (`result`, or the code of the ``CallError`` or ``CallFailure``), `id` (unless it was
    /// never sent) and, on a line of a hub, `peer`. Payloads are not logged. With a logger that does not log at debug
    /// level when the request begins, nothing is measured. The entry is written on the thread that ends the request,
    /// often the port's loop: the log's handler must not block it.
    public var logger: Logger?

    #if LZ4
        /// How payloads are compressed; nil (if not set): not at all. The other program has to want it too.
        public var compression: Compression?
    #endif

    /// Where handlers run: nil, if not set, is Swift's pool of threads.
    ///
    /// With the executor of the port's loop (`EventLoop.executor`) handlers start right where their messages are read,
    /// so that nothing changes threads. It is the quickest, and no handler may block or compute for long then: every
    /// port of the loop waits for it.
    public var executor: (any TaskExecutor)?

    /// Makes the usual options.
    public init() {}
}

extension MessengerOptions {
    /// The places that hello offers.
    var offeredPlaces: UInt32 { UInt32(min(max(places, 1), Int(Int32.max))) }

    /// The window that hello offers.
    var offeredWindow: UInt64 { UInt64(max(window, Int(Hello.least.window))) }
}
