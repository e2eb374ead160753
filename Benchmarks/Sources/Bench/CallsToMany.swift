import CBench
import ConnectTo
import ConnectToMessaging
import Glibc

// Measurements of many lines of calls: what a hub does.

extension Work {
    /// A hub with as many spokes in the other process as ``size``.
    private func hub(_ count: Int, _ far: FarProcess) async throws -> (Hub, carrier: MessagePort) {
        let carrier = try await far.line(as: .spokes)
        let hub = Hub(options: try callOptions)
        for port in try await give(count, over: carrier) { try hub.adopt(port) }
        // Until they have all said hello.
        for try await (_, result) in try hub.gather(Calls.count, within: .seconds(30)) { _ = try result.get() }
        return (hub, carrier)
    }

    /// The same event to as many spokes as ``size``, again and again; as ``broadcast(_:)`` does with ports.
    func broadcastEvents(_ far: FarProcess) async throws {
        let (hub, carrier) = try await hub(size, far)
        try carrier.postMessage("\(size)")
        var answers = carrier.messages.makeAsyncIterator()
        var message = [UInt8](repeating: 0, count: 1024)
        let begin = bench_now()
        let deadline = deadline
        var round: UInt64 = 0
        while bench_now() < deadline {
            message.stamp(round)
            let skipped = try hub.broadcast(Calls.news, message)
            check(skipped.isEmpty, "\(skipped.count) spokes were skipped")
            check(try await answers.next()?.text == "\(round)", "round \(round) was not answered")
            round += 1
        }
        report(Double(round) * Double(size) / (bench_now() - begin) * 1e6, "per_s")
    }

    /// Asks as many spokes as ``size``, of which one is a process that is stopped, and one a process that dies.
    func gather(_ far: FarProcess) async throws {
        let (hub, carrier) = try await hub(size - 2, far)
        // A process ends its messengers with their carrier.
        var carriers = [carrier]
        defer { withExtendedLifetime(carriers) {} }
        var others: [FarProcess] = []
        for number in 1...2 {
            let other = try await FarProcess(self, number: Int(getpid()) * 10 + number)
            carriers.append(try await other.line(as: .spokes))
            let port = try await give(1, over: carriers[number])[0]
            let id = try hub.adopt(port).id
            _ = try await hub[id]?.request(Calls.count)
            others.append(other)
        }
        kill(others[0].processID, SIGSTOP)
        kill(others[1].processID, SIGKILL)
        let begin = bench_now()
        var answered = 0
        var last = 0.0
        for try await (_, result) in try hub.gather(Calls.count, within: .seconds(1)) {
            guard case .success = result else { continue }
            answered += 1
            last = bench_now() - begin
        }
        check(answered == size - 2, "\(answered) spokes have answered")
        report(last, "us", as: "gather: the last answer")
        report(bench_now() - begin, "us", as: "gather: all of it, within 1 s")
        for other in others { other.end() }
    }

    /// As many idle messengers as ``size``: what each costs beside its port, which costs what ``ports(_:)`` says.
    func messengers(_ far: FarProcess) async throws {
        let carrier = try await far.line(as: .spokes)
        let ports = try await give(size, over: carrier)
        for port in ports { port.start() }
        let threads = try ProcessFacts(getpid()).threads
        let heap = bench_heap()
        let options = try callOptions
        var messengers: [Messenger] = []
        messengers.reserveCapacity(size)
        for port in ports { messengers.append(Messenger(port, options: options)) }
        // Both sides have said hello, and nothing is under way.
        for messenger in messengers { try await messenger.barrier(within: nil) }
        let used = Double(bench_heap()) - Double(heap) - Double(messengers.capacity * 8)
        report(used / Double(size), "B", as: "messengers: heap for each, beside its port")
        usleep(100_000)
        let before = try ProcessFacts(far.processID)
        let threadsNow = try ProcessFacts(getpid()).threads
        usleep(useconds_t(max(1, seconds) * 1e6))
        let after = try ProcessFacts(far.processID)
        report(Double(threadsNow - threads), "count", as: "messengers: threads more")
        report(Double(after.switches - before.switches) / max(1, seconds), "per_s", as: "messengers: wake-ups")
        withExtendedLifetime((messengers, carrier)) {}
    }
}

extension Server {
    /// Makes a messenger of each port that it is given. Once it is told how many there are, it says each time that all
    /// have heard the same number of events.
    func serveSpokes(_ carrier: MessagePort) async throws {
        let taken = Counter()
        let count = Counter()
        var messengers: [Messenger] = []
        for try await message in carrier.messages {
            for port in message.ports {
                let messenger = Messenger(port, options: try work.callOptions, starts: false)
                messengers.append(messenger)
                messenger.on(Calls.count) { _, _ in taken.value }
                let number = Counter()
                messenger.onEvent(Calls.news.type) { payload, _ in
                    let round = number.increment() - 1
                    check(payload.isStamped(UInt64(round)), "event \(round) did not arrive intact")
                    if taken.increment() == (round + 1) * count.value { _ = try? carrier.postMessage("\(round)") }
                }
                messenger.start()
            }
            if message.ports.isEmpty, let all = Int(message.text ?? "") { count.set(all) }
        }
        withExtendedLifetime(messengers) {}
    }
}

extension Payload {
    func isStamped(_ number: UInt64) -> Bool {
        withUnsafeBytes { bench_is_stamped($0.baseAddress, $0.count, number) != 0 }
    }
}
