import ConnectTo
import ConnectToLinux

/// The ports a listener has open, by number, and what its standard input has for them.
///
/// Lines wait in a ``PostLog``, once for all ports, and each port takes them at its own pace. A port that is slow holds
/// up the reading of standard input when the log is full, and then the others; one that takes nothing at all for a
/// while, when others have taken everything and wait, is dropped.
actor OpenPorts: OpenPeers {
    private struct OpenPort {
        let port: MessagePort
        /// Woken when there may be something for the port; where it waits, it has been given all there was.
        var taker: CheckedContinuation<Void, Never>?
        /// Whether nothing more is for it.
        var isClosing = false
        /// Why it was dropped here, if it was.
        var dropReason: CloseReason?
    }

    /// How far a port is with what it has been given.
    private struct Mark: Equatable {
        let passed: Int?
        let unsent: Int
    }

    private var ports: [Int: OpenPort] = [:]
    private var peers = PeerCount()
    private var log = PostLog()
    private var inputHasEnded = false
    /// Open while there is a port that can be posted to.
    private let gate: InputGate?
    private let stallTime: Duration
    private let loop: EventLoop
    private var stallTimer: EventLoop.Timer?
    private var waitingForRoom: CheckedContinuation<Void, Never>?

    /// The shortest time that is taken for a stall.
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
        log.add(number)
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

    /// Whether something was read that no port has been given.
    var hasUngiven: Bool { log.hasUngiven }

    /// Posts messages to a port, or to every open port, and to the next one where none is open. Waits for room.
    /// - Throws: ``Failure`` 65 where its port is not open.
    func post(_ payloads: [Payload], to port: Int?) async throws(Failure) {
        while !log.hasRoom(for: payloads) {
            try expectOpen(port)
            await withCheckedContinuation { waiter in
                waitingForRoom = waiter
                watchForStalls()
            }
        }
        try expectOpen(port)
        log.append(payloads, for: port)
        if let port { wake(port) } else { wakeAll() }
    }

    /// Closes a port, or every open port, behind what was posted to it.
    /// - Throws: ``Failure`` 65 where the port is not open.
    func close(_ port: Int?) throws(Failure) {
        try expectOpen(port)
        for number in port.map({ [$0] }) ?? Array(ports.keys) { closeInTurn(number) }
    }

    private func expectOpen(_ number: Int?) throws(Failure) {
        guard let number, !isOpen(number) else { return }
        throw Failure(
            .unsendable,
            "port \(number) is not open; answer one whose connect event came and whose close event did not")
    }

    private func isOpen(_ number: Int) -> Bool { log.has(number) && ports[number]?.isClosing == false }

    /// Closes all behind what was posted to them, and waits until what the kernel can take of it is on its way.
    func closeAll() async {
        for (number, port) in ports {
            // To close what is finished would say that nothing more is wanted, and not that we are interrupted.
            if port.port.hasFinished { port.port.abandon() } else { closeInTurn(number) }
        }
        for port in ports.values { try? await port.port.flush() }
    }

    private func closeInTurn(_ number: Int) {
        guard isOpen(number) else { return }
        ports[number]?.isClosing = true
        if log.hasNothing(for: number) {
            ports[number]?.port.close()
        } else {
            log.appendClose(for: number)
            wake(number)
        }
    }

    /// Nothing more is posted.
    func endInput() {
        inputHasEnded = true
        wakeAll()
    }

    // MARK: Giving

    /// Gives a port what is for it, until it is over, or closed here, or all has been given that there will be.
    /// - Parameter finishes: whether the port is finished then.
    func deliver(to number: Int, finishes: Bool) async {
        guard let port = ports[number]?.port else { return }
        Task.onLoop {
            await port.end()
            await self.end(number)
        }
        while let step = await next(for: number) {
            switch step {
            case .post(let batch):
                // A line is no longer than a message may be; and a port that is over takes nothing and says why.
                _ = try? port.postMessages(batch)
                // What waits is to wait in the log, once for all.
                try? await port.flush()
            case .close:
                port.close()
                end(number)
            }
        }
        if finishes, log.has(number) { port.finish() }
    }

    private func next(for number: Int) async -> PostLog.Step? {
        while log.has(number) {
            let step = log.next(for: number)
            if let waiter = waitingForRoom.take() { waiter.resume() }
            if step != nil { return step }
            if inputHasEnded { return nil }
            await withCheckedContinuation { taker in
                ports[number]?.taker = taker
                watchForStalls()
            }
        }
        return nil
    }

    /// Nothing can be posted to it any more.
    private func end(_ number: Int) {
        log.remove(number)
        wake(number)
        if !log.hasPorts { gate?.close() }
        if let waiter = waitingForRoom.take() { waiter.resume() }
    }

    private func wake(_ number: Int) {
        if let taker = ports[number]?.taker.take() { taker.resume() }
    }

    private func wakeAll() {
        for number in ports.keys { wake(number) }
    }

    // MARK: Dropping

    /// Why it was dropped here, if it was.
    func dropReason(of number: Int) -> CloseReason? { ports[number]?.dropReason }

    private var holdsUpOthers: Bool { waitingForRoom != nil && ports.values.contains { $0.taker != nil } }

    /// Of the ports that have not been given all.
    private var marks: [Int: Mark] {
        var marks: [Int: Mark] = [:]
        for (number, port) in ports where port.taker == nil && log.has(number) {
            marks[number] = Mark(passed: log.progress(of: number), unsent: port.port.bufferedAmount)
        }
        return marks
    }

    private func watchForStalls() {
        guard holdsUpOthers, stallTimer == nil else { return }
        let marks = marks
        stallTimer = loop.schedule(after: stallTime) { [self] in
            Task.onLoop { await self.dropStalled(since: marks) }
        }
    }

    /// Drops the ports that are where they were, if others still wait.
    private func dropStalled(since marks: [Int: Mark]) {
        stallTimer = nil
        guard holdsUpOthers else { return }
        for (number, mark) in self.marks where marks[number] == mark {
            ports[number]?.dropReason = CloseReason(
                .busy, detail: "it took nothing for \(stallTime.inSeconds) s while others waited for it (--drop-after)")
            // Not closed: the peer is to see that this is not all.
            ports[number]?.port.abandon()
            end(number)
        }
        watchForStalls()
    }
}
