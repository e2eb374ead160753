import ConnectTo

/// The open ports of a listener, by number.
///
/// Text lines of standard input wait in one ``PortFeed`` for all ports, and each port takes them at its own pace. When
/// the feed is full, the slowest port stops the reading of standard input, and so holds up the other ports. A port is
/// dropped if it takes nothing for ``stallTime`` while other ports have taken everything and wait.
actor OpenPorts: OpenPeers {
    private struct OpenPort {
        let port: MessagePort
        /// Whether the port is being closed, so that nothing more is posted to it.
        var isClosing = false
        /// Why this listener dropped the port, if it did.
        var dropReason: CloseReason?
    }

    /// How far a port has got with what it was given.
    private struct Mark: Equatable {
        let passed: Int
        let unsent: Int
    }

    private var ports: [Int: OpenPort] = [:]
    private var peers = PeerCount()
    private var feed = PortFeed()
    /// Open while there is a port that can be posted to.
    private let gate: InputGate?
    private let stallTime: Duration
    private let loop: EventLoop
    private var stallTimer: EventLoop.Timer?

    /// The lower bound of ``stallTime``.
    private static let leastStallTime = Duration.milliseconds(50)

    /// - Parameter stallTime: how long a port may take nothing while others wait for it.
    init(gate: InputGate?, stallTime: Duration) throws {
        self.gate = gate
        self.stallTime = max(stallTime, Self.leastStallTime)
        loop = try EventLoop.shared
    }

    func add(_ event: ConnectEvent) -> Int {
        let number = peers.add()
        ports[number] = OpenPort(port: event.source)
        feed.add(number)
        gate?.open()
        return number
    }

    func remove(_ number: Int) {
        end(number)
        ports[number] = nil
        peers.remove()
    }

    func waitUntilFewer(than count: Int) async {
        while !peers.isFewer(than: count) { await withCheckedContinuation { peers.awaitChange($0) } }
    }

    // MARK: Posting

    /// Whether a text line was read that no port has been given.
    var hasUngiven: Bool { feed.hasUngiven }

    /// Posts messages to one port or to every open port. While none is open, messages for every port wait for the next
    /// one. Waits until the feed has room.
    /// - Throws: ``Failure`` 65 if the given port is not open.
    func post(_ contents: [MessageContent], to port: Int?) async throws(Failure) {
        while !feed.hasRoom(for: contents) {
            try expectOpen(port)
            await withCheckedContinuation { input in
                feed.awaitRoom(input)
                watchForStalls()
            }
        }
        try expectOpen(port)
        feed.append(contents, for: port)
    }

    /// Closes one port or every open port, after what was posted to it.
    /// - Throws: ``Failure`` 65 if the given port is not open.
    func close(_ port: Int?) throws(Failure) {
        try expectOpen(port)
        for number in port.map({ [$0] }) ?? Array(ports.keys) { closeInTurn(number) }
    }

    private func expectOpen(_ number: Int?) throws(Failure) {
        guard let number, !isOpen(number) else { return }
        throw Failure(
            .unsendable,
            "port \(number) is not open; give the number of a port that had a connect event and no close event")
    }

    private func isOpen(_ number: Int) -> Bool { feed.has(number) && ports[number]?.isClosing == false }

    /// Closes all ports after what was posted to them, and waits until the kernel has taken what it can.
    func closeAll() async {
        for (number, port) in ports {
            // Abort a port on which we have finished: a close would say that the work is done, although it was interrupted.
            if port.port.hasFinished { port.port.abort() } else { closeInTurn(number) }
        }
        for port in ports.values { try? await port.port.flush() }
    }

    private func closeInTurn(_ number: Int) {
        guard isOpen(number) else { return }
        ports[number]?.isClosing = true
        if !feed.appendClose(for: number) { ports[number]?.port.close() }
    }

    /// Standard input has ended: nothing more is posted.
    func endInput() { feed.endInput() }

    // MARK: Giving

    /// Gives a port its messages, until the port ends, is closed here, or has been given the last one.
    /// - Parameter finishes: whether to call `finish()` on the port after the last message.
    func deliver(to number: Int, finishes: Bool) async {
        guard let port = ports[number]?.port else { return }
        Task.onLoop {
            await port.ended()
            await self.end(number)
        }
        while let step = await next(for: number) {
            switch step {
            case .post(let batch):
                // postMessages cannot fail for size, since a text line is no longer than a message may be. A port that
                // has ended keeps the reason itself.
                _ = try? port.postMessages(batch)
                // Flush after each batch: messages wait in the feed, once for all ports, and not in each port's queue.
                try? await port.flush()
            case .close:
                port.close()
                end(number)
            }
        }
        if finishes, feed.has(number) { port.finish() }
    }

    private func next(for number: Int) async -> PostLog.Step? {
        while true {
            switch feed.next(for: number) {
            case .step(let step): return step
            case .end: return nil
            case .wait:
                await withCheckedContinuation { delivery in
                    feed.awaitMessages(for: number, delivery)
                    watchForStalls()
                }
            }
        }
    }

    /// The port has ended or is closed: nothing can be posted to it any more.
    private func end(_ number: Int) {
        feed.remove(number)
        if !feed.hasPorts { gate?.close() }
    }

    // MARK: Dropping

    /// Why this listener dropped the port, if it did.
    func dropReason(of number: Int) -> CloseReason? { ports[number]?.dropReason }

    /// The marks of the ports that have not been given everything.
    private var marks: [Int: Mark] {
        var marks: [Int: Mark] = [:]
        for (number, port) in ports {
            guard let passed = feed.firstUnpassed(of: number) else { continue }
            marks[number] = Mark(passed: passed, unsent: port.port.bufferedAmount)
        }
        return marks
    }

    private func watchForStalls() {
        guard feed.isStalled, stallTimer == nil else { return }
        let marks = marks
        stallTimer = loop.schedule(after: stallTime) { [self] in
            Task.onLoop { await self.dropStalled(since: marks) }
        }
    }

    /// Drops the ports that have made no progress since the marks, if other ports still wait.
    private func dropStalled(since marks: [Int: Mark]) {
        stallTimer = nil
        guard feed.isStalled else { return }
        for (number, mark) in self.marks where marks[number] == mark {
            ports[number]?.dropReason = CloseReason(
                .busy,
                detail:
                    "dropped, as it took no message for \(stallTime.inSeconds) s while other peers waited (--drop-after)"
            )
            // Abort the port rather than close it: the peer has to see that the messages are not complete.
            ports[number]?.port.abort()
            end(number)
        }
        watchForStalls()
    }
}
