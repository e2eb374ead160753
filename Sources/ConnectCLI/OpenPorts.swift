import ConnectTo

/// The ports a listener has open, by number: what its standard input is posted to.
///
/// Holds no lines: each goes to every open port before the next is taken, so the slowest peer sets the pace.
actor OpenPorts {
    private var ports: [Int: MessagePort] = [:]
    private var lastNumber = 0
    private var hasFinished = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    /// Open while there is a port.
    private let gate: InputGate?

    init(gate: InputGate?) {
        self.gate = gate
    }

    /// Numbers are given in the order of the calls, from 1, and never twice.
    func add(_ port: MessagePort) -> Int {
        lastNumber += 1
        ports[lastNumber] = port
        changed()
        return lastNumber
    }

    /// Nothing is posted to the port from here on.
    func remove(_ number: Int) {
        if ports.removeValue(forKey: number) != nil { changed() }
    }

    private func changed() {
        if ports.isEmpty { gate?.close() } else { gate?.open() }
        let waiting = waiting
        self.waiting = []
        for waiter in waiting { waiter.resume() }
    }

    // MARK: Posting

    /// Posts a line to its port, or to every open port; where none is open it waits for one.
    /// - Throws: ``Failure`` 65 where its port is not open, or where the line cannot be sent.
    func post(_ line: InputLine) async throws(Failure) {
        if let number = line.port {
            if let port = ports[number], try await post(line.payload, to: port, number) { return }
            throw Failure(
                .unsendable,
                "port \(number) is not open; answer one whose connect event came and whose close event did not"
            )
        }
        var isTaken = false
        while !isTaken {
            await wait { !$0.ports.isEmpty }
            for (number, port) in ports.sorted(by: { $0.key < $1.key }) where ports[number] != nil {
                if try await post(line.payload, to: port, number) { isTaken = true }
            }
        }
    }

    /// - Returns: Whether the port took it; otherwise it has ended, and is forgotten.
    private func post(_ payload: Payload, to port: MessagePort, _ number: Int) async throws(Failure) -> Bool {
        do throws(PortError) {
            try await port.send(payload)
            return true
        } catch {
            if await !hasEnded(port, error) { throw Failure(error) }
            remove(number)
            return false
        }
    }

    private func hasEnded(_ port: MessagePort, _ error: PortError) async -> Bool {
        error.code == .closed || port.closeReason != nil
    }

    // MARK: Together

    /// Half-closes all: no more is posted.
    func finishAll() {
        hasFinished = true
        for port in ports.values { port.finish() }
    }

    /// Closes all, and waits until what was posted to them is on its way.
    func closeAll() async {
        let ports = ports.values
        // To close what is finished would say that nothing more is wanted, and not that we are interrupted.
        for port in ports { if hasFinished { port.abandon() } else { port.close() } }
        for port in ports { await port.flush() }
    }

    /// Waits until fewer are open.
    func waitUntilFewer(than count: Int) async {
        await wait { $0.ports.count < count }
    }

    private func wait(until condition: (isolated OpenPorts) -> Bool) async {
        while !condition(self) {
            await withCheckedContinuation { waiting.append($0) }
        }
    }
}
