import ConnectToLinux

/// One end of a private line to another program.
///
/// Post messages with ``postMessage(_:)-(OutgoingMessage)``, and take them with ``messages``. Both ends are alike, and
/// a port may be used from any thread. A port closes itself when its last reference is gone. Whatever happens to the
/// other side, the port ends with exactly one ``closeReason``.
///
/// A task that is cancelled while it waits on a port gets an error, never a message or the end instead:
/// `CancellationError` from ``messages`` and ``nextMessage(within:)``, and ``PortError`` with
/// ``PortError/Code/cancelled`` from the calls that throw a ``PortError``. The port lives on, nothing has been posted,
/// and no message is lost.
///
/// A port behaves like the HTML standard's MessagePort wherever the standard defines the behaviour.
public final class MessagePort: Sendable {
    let line: Line

    init(line: Line) {
        self.line = line
    }

    deinit {
        line.letGo()
    }

    // MARK: Opening

    /// Waits until the other side has admitted this port; returns at once for a port from a connect event.
    ///
    /// A program need not call this: it can post and take messages from the beginning.
    /// - Parameter limit: how long to wait, on CLOCK_MONOTONIC; without a limit, until the introduction ends. On a loop
    ///   made by ``EventLoop/makeDrivenByForeignLoop()`` the time ends when the loop is turned.
    /// - Throws: ``PortError``: ``PortError/Code/closed`` and the reason where the port never opens;
    ///   ``PortError/Code/timedOut`` where the limit ends first (the port may still open); ``PortError/Code/cancelled``
    ///   where the waiting task is cancelled.
    public func waitUntilOpen(within limit: Duration? = nil) async throws(PortError) {
        await line.wait(for: .opening, within: limit) { $0.life.isOpen || $0.life.reason != nil }
        let (isOpen, reason) = line.read { ($0.life.isOpen, $0.life.reason) }
        if isOpen { return }
        if let reason { throw .closed(reason) }
        throw Self.waitFailure(limit, "the port has not opened")
    }

    static func waitFailure(_ limit: Duration?, _ what: String) -> PortError {
        if let limit, !Task.isCancelled { .timedOut(limit, what) } else { .waitCancelled }
    }

    /// Whether the other side has admitted this port and the port is not over. False while the introduction is under
    /// way, and again once there is a ``closeReason``.
    public var isOpen: Bool {
        line.read { $0.life.isOpen && $0.life.reason == nil }
    }

    // MARK: Ending

    /// Begins to receive. Taking ``messages`` starts the port too. It cannot be stopped again.
    ///
    /// Until the port is started, messages from the peer stay with the kernel, which stalls the peer when its buffer is
    /// full. Only a port that has called ``finish()`` reads earlier, up to the bound on waiting messages, to learn how
    /// the peer ends.
    public func start() {
        line.start()
    }

    /// Tells the peer that this side posts no more. The port still receives what the peer sends.
    ///
    /// The peer's ``messages`` end after what was posted before. A port on which both sides have finished closes itself
    /// once both programs have taken everything. Until then ``waitUntilClosed(within:)`` waits, however slowly the peer
    /// takes its messages.
    public func finish() {
        line.finish()
    }

    /// Ends both directions. Messages posted before are still delivered; messages that have arrived and were not taken
    /// are dropped. After ``finish()`` a close tells the peer that this side is done, and that the messages which it
    /// has not taken are no loss (``peerWasDone``).
    ///
    /// The port hands over what was posted in the background, until the peer has taken nothing for
    /// ``PortLimits/linger`` (five seconds if not set). A program that is about to exit should await ``flush()``, which
    /// waits for that.
    public func close() {
        line.close()
    }

    /// Waits until everything posted so far has left this process: the port is open, and the kernel has taken all of
    /// it. The peer gets what the kernel has even if this process ends, so a program that posts and then exits, or runs
    /// code that may crash, calls this first. After ``close()`` it waits in the same way for what was posted before.
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/undelivered`` where the port has ended, and something that was
    ///   posted on it has not reached the peer's process: the port never opened; the peer's process ended before it had
    ///   read everything, or took nothing for ``PortLimits/linger`` after a close; the peer closed and had not taken
    ///   some messages (``undeliveredCount``), unless it had finished before (``peerWasDone``); or a message was posted
    ///   when the port was over already, and ``postMessage(_:)-(OutgoingMessage)`` returned `false` for it. Messages
    ///   that a process had read when it was killed count as delivered. ``PortError`` with ``PortError/Code/cancelled``
    ///   where the waiting task is cancelled before; the port lives on.
    public func flush() async throws(PortError) {
        line.change { state, wakeups in
            state.writeOutput(for: line, &wakeups)
            // Let the next message be written directly: there is nothing left to gather it with.
            state.lastDirectTurn = 0
        }
        await line.wait(for: .flush) { $0.isFlushed }
        let (isFlushed, loss) = line.read { ($0.isFlushed, $0.life.loss) }
        if let loss { throw loss }
        if !isFlushed { throw .waitCancelled }
    }

    /// Why the port is over, or nil while it is not. The reason is set once and does not change.
    ///
    /// The reason may be known before the last messages have been taken; those are still delivered.
    public var closeReason: CloseReason? {
        line.read { $0.life.reason }
    }

    /// Waits until the port is over, and returns why. It does not wait until the messages that have arrived are taken:
    /// those are still delivered.
    /// - Parameter limit: how long to wait, as in ``waitUntilOpen(within:)``.
    /// - Throws: ``PortError``, and the port lives on: ``PortError/Code/timedOut`` where the limit ends first,
    ///   ``PortError/Code/cancelled`` where the waiting task is cancelled.
    @discardableResult
    public func waitUntilClosed(within limit: Duration? = nil) async throws(PortError) -> CloseReason {
        await line.wait(for: .end, within: limit) { $0.life.reason != nil }
        guard let reason = closeReason else { throw Self.waitFailure(limit, "the port has not ended") }
        return reason
    }

    /// Ends both directions at once, for a program that cannot end the conversation in order. Returns at once; from any
    /// thread.
    ///
    /// No close frame is sent, so the peer sees ``CloseReason/Code/peerExited``, as if this process had been killed, and
    /// knows that the conversation is not complete. After ``finish()`` a ``close()`` could not tell it that. The peer
    /// still receives what the kernel has; messages that wait here are dropped, in both directions. To have all of them
    /// arrive, await ``flush()`` first. After `abort()`, ``flush()`` throws ``PortError/Code/undelivered`` where messages
    /// were dropped.
    ///
    /// A port that is not open yet ends with ``CloseReason/Code/cancelled`` and its introduction is given up; one that
    /// is open, with ``CloseReason/Code/closed``. A port that is over keeps its reason, and one that still hands over
    /// what was posted before ``close()`` stops doing so.
    public func abort() {
        line.abort()
    }

    // MARK: State

    /// The limits that the port was made with.
    public var limits: PortLimits { line.limits }

    /// The loop on which the port's handlers run.
    public var eventLoop: EventLoop { EventLoop(line.reactor) }

    /// Whether the port is closed on this side: by ``close()``, because it was given away, or by itself, once both
    /// sides had finished and taken everything. False for a port that the peer has ended.
    public var isDetached: Bool {
        line.read { $0.life.outbound == .closed }
    }

    /// Bytes posted here that the kernel has not taken yet, frame headers included; 0 once the kernel has everything.
    public var bufferedAmount: Int {
        line.read { $0.output.count }
    }

    /// How many of the messages posted here the peer had not taken when it closed, as its close frame says. 0 until
    /// then, and where the peer ended without a close frame: then no number is known, since the kernel does not say what
    /// the peer's program had done with the bytes that its process had read.
    public var undeliveredCount: Int {
        line.read { Int(clamping: $0.life.undelivered) }
    }

    /// Whether the peer called ``finish()`` before it closed, and so was done: it had no use for messages that it had
    /// not taken or received. A peer that closes without ``finish()`` was interrupted.
    public var peerWasDone: Bool {
        line.read { $0.life.peerWasDone }
    }

    /// How many messages have been posted on this port, including those posted before it was transferred here.
    public var postedCount: Int {
        line.read { Int(clamping: $0.life.posted) }
    }

    /// Whether the peer has called ``finish()``. False where the peer only ended the port.
    public var hasReceivedFinish: Bool {
        line.read { $0.life.hasReceivedFinish }
    }

    /// Whether this side has called ``finish()``, and has neither closed the port since nor given it away.
    public var hasFinished: Bool {
        line.read { $0.life.outbound == .finished }
    }

    /// Whether no more messages will come: the peer has finished, or the port is over. Some messages may still wait
    /// here.
    public var peerHasFinished: Bool {
        line.read { $0.life.inputHasEnded }
    }
}

/// By identity, for sets and dictionaries of ports.
extension MessagePort: Hashable, Identifiable {
    public static func == (a: MessagePort, b: MessagePort) -> Bool { a === b }

    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
