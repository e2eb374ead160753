import ConnectToLinux

/// One end of a private line to another program.
///
/// Post with ``postMessage(_:)-(OutgoingMessage)``, take with ``messages``. Both ends are alike, and a port may be used
/// from any thread. A port that is dropped (its last reference gone) closes itself. Whatever happens to the
/// other side, the port ends with exactly one ``closeReason``.
///
/// A task that is cancelled while it waits on a port gets an error, and never what it waited for, or the end, in its
/// place: `CancellationError` from ``messages`` and ``nextMessage(within:)``, and ``PortError`` with
/// ``PortError/Code/cancelled`` from the calls that throw a ``PortError``. The port lives on, nothing has been posted,
/// and no message is lost.
///
/// The behaviour is that of the HTML standard's MessagePort wherever the standard has a word for it.
public final class MessagePort: Sendable {
    let line: Line

    init(line: Line) {
        self.line = line
    }

    deinit {
        line.letGo()
    }

    // MARK: Opening

    /// Waits until the other side has admitted this port; returns at once on a port that came with a connect event.
    ///
    /// A program need not call it: posting and taking work from the beginning.
    /// - Parameter limit: how long to wait, on CLOCK_MONOTONIC; without one, until the introduction's own end. On a loop
    ///   made by ``EventLoop/makeDrivenByForeignLoop()`` the time ends when the loop is turned.
    /// - Throws: ``PortError``: ``PortError/Code/closed`` and the reason where the port never opens;
    ///   ``PortError/Code/timedOut`` where the limit is over before (the port may still open);
    ///   ``PortError/Code/cancelled`` where the waiting task is cancelled.
    public func waitUntilOpen(within limit: Duration? = nil) async throws(PortError) {
        await line.wait(for: .opening, within: limit) { $0.life.isOpen || $0.life.reason != nil }
        let (isOpen, reason) = line.read { ($0.life.isOpen, $0.life.reason) }
        if isOpen { return }
        if let reason { throw .closed(reason) }
        throw Self.waitFailure(limit, "the port has not opened")
    }

    private static func waitFailure(_ limit: Duration?, _ what: String) -> PortError {
        if let limit, !Task.isCancelled { .timedOut(limit, what) } else { .waitCancelled }
    }

    /// Whether the other side has admitted this port and the port is not over. False while the introduction is under
    /// way, and from the moment on when there is a ``closeReason``.
    public var isOpen: Bool {
        line.read { $0.life.isOpen && $0.life.reason == nil }
    }

    // MARK: Ending

    /// Begins to receive. Taking ``messages`` does it too; it cannot be undone.
    ///
    /// Until then what the peer sends stays with the kernel, which stalls the peer when it has enough. Only a port that
    /// has finished reads before, as far as the bound for what waits here, for it has to learn how the peer ends.
    public func start() {
        line.start()
    }

    /// Says that this side posts no more; what the peer sends is still welcome.
    ///
    /// The peer's ``messages`` end after what was posted before. A port on which both sides have finished
    /// closes itself once both programs have taken everything: until then ``waitUntilClosed(within:)`` waits for
    /// a peer that is slow to.
    public func finish() {
        line.finish()
    }

    /// Ends both directions. What was posted before is still delivered; what has arrived is not. After ``finish()`` it
    /// says that this side is done, and that what it has not taken is no loss (``peerWasDone``).
    ///
    /// Handing over goes on in the background, until the peer has taken nothing for five seconds; ``flush()``
    /// waits for it, as a program should that is about to exit.
    public func close() {
        line.close()
    }

    /// Waits until everything posted so far is out of this process's hands: the port is open, and the kernel has
    /// taken all. What the kernel has, the peer gets even if this process ends: a program that posts and then leaves
    /// calls this first. After ``close()`` it waits in the same way for what was posted before.
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/undelivered`` where the port has ended, and something that was posted
    ///   on it has not reached the peer's process: the port never opened; the peer's process ended before it had read
    ///   everything, or took nothing for ``PortLimits/linger`` after a close; the peer closed with messages that it had
    ///   not taken (``undeliveredCount``), unless it had finished before (``peerWasDone``); or a message was posted when
    ///   the port was over already, and ``postMessage(_:)-(OutgoingMessage)`` returned `false` for it. What a process had
    ///   read when it was killed counts as delivered. With ``PortError/Code/cancelled`` where the waiting task is
    ///   cancelled before; the port lives on.
    public func flush() async throws(PortError) {
        line.change { state, wakeups in
            state.writeOutput(for: line, &wakeups)
            // What is posted next has nothing to go together with.
            state.lastDirectTurn = 0
        }
        await line.wait(for: .flush) { $0.isFlushed }
        let (isFlushed, loss) = line.read { ($0.isFlushed, $0.life.loss) }
        if let loss { throw loss }
        if !isFlushed { throw .waitCancelled }
    }

    /// Why the port is over, or nil while it is not. Latched: asking late still tells.
    ///
    /// It may be known before the last messages have been taken; those are still delivered.
    public var closeReason: CloseReason? {
        line.read { $0.life.reason }
    }

    /// Waits until the port is over, and returns why.
    /// - Parameter limit: how long to wait, as of ``waitUntilOpen(within:)``.
    /// - Throws: ``PortError``, with the port alive: ``PortError/Code/timedOut`` where the limit is over before,
    ///   ``PortError/Code/cancelled`` where the waiting task is cancelled.
    @discardableResult
    public func waitUntilClosed(within limit: Duration? = nil) async throws(PortError) -> CloseReason {
        await line.wait(for: .end, within: limit) { $0.life.reason != nil }
        guard let reason = closeReason else { throw Self.waitFailure(limit, "the port has not ended") }
        return reason
    }

    /// Ends the port of a program that is cut short, and waits until what was posted is on its way.
    ///
    /// Before ``finish()`` this is ``close()`` and ``flush()``. After it the peer sees the line break off
    /// (``CloseReason/Code/peerExited``), since a close there would say that this side was done with what it has not
    /// taken.
    public func abort() async {
        if !hasFinished { close() }
        // What has not been delivered by then is not waited for.
        try? await flush()
        if hasFinished { abandon() }
    }

    // MARK: State

    /// Whether it is closed on this side: by ``close()``, because it was given away, or by itself, once both sides had
    /// finished and taken all. One that the peer has ended is not.
    public var isDetached: Bool {
        line.read { $0.life.outbound == .closed }
    }

    /// Bytes posted here that the kernel has not taken yet, frame headers included; 0 when all is on its way.
    public var bufferedAmount: Int {
        line.read { $0.output.count }
    }

    /// How many of the messages posted here the peer said, in closing, that it had not taken. 0 until then,
    /// and where the peer did not get to say.
    public var undeliveredCount: Int {
        line.read { Int(clamping: $0.life.undelivered) }
    }

    /// Whether the peer closed, having said before that it was done (``finish()``): what it had not taken, or was not
    /// sent, it had no use for. One that closes without is interrupted in what it did.
    public var peerWasDone: Bool {
        line.read { $0.life.peerWasDone }
    }

    /// How many messages have been posted on this port, those that it posted before it was transferred included.
    public var postedCount: Int {
        line.read { Int(clamping: $0.life.posted) }
    }

    /// Whether the peer has called ``finish()``, and not only ended the port.
    public var hasReceivedFinish: Bool {
        line.read { $0.life.hasReceivedFinish }
    }

    /// Whether this side has called ``finish()``, and neither closed the port since nor given it away.
    public var hasFinished: Bool {
        line.read { $0.life.outbound == .finished }
    }

    /// Whether no more messages will come: the peer has said that it posts no more, or the port is over. Some may still
    /// wait here.
    public var peerHasFinished: Bool {
        line.read { $0.life.inputHasEnded }
    }
}

/// By identity, for sets and dictionaries of ports.
extension MessagePort: Hashable, Identifiable {
    public static func == (a: MessagePort, b: MessagePort) -> Bool { a === b }

    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
