import CBench
import ConnectTo
import Glibc

// Measurements of many ports between the two processes.

extension Work {
    /// As many open ports as ``size``, all idle but one: its round trip, and what the idle ones cost.
    func ports(_ far: FarProcess) async throws {
        var lone = try await roundTrips(on: far.line(as: .echo), size: 64)
        report(&lone, as: "ports: round trip, before")
        let carrier = try await far.line(as: .ports)
        var answers = carrier.messages.makeAsyncIterator()
        let threads = try ProcessFacts(far.processID).threads
        let heap = bench_heap()
        let ports = try await give(size, over: carrier)
        for port in ports { port.start() }
        // What was posted before this has been taken.
        try carrier.postMessage("")
        _ = try await answers.next()
        let used = Double(bench_heap()) - Double(heap) - Double(ports.capacity * 8)
        report(used / Double(size), "B", as: "ports: heap for each")
        var active = try await roundTrips(on: ports[ports.count - 1], size: 64)
        report(&active, as: "ports: round trip of one")
        // Going to sleep after the last round trip is no wake-up.
        usleep(100_000)
        let before = try ProcessFacts(far.processID)
        usleep(useconds_t(max(1, seconds) * 1e6))
        let after = try ProcessFacts(far.processID)
        report(Double(after.threads - threads), "count", as: "ports: threads more")
        report(Double(after.switches - before.switches) / max(1, seconds), "per_s", as: "ports: wake-ups")
    }

    /// The near ends of channels whose far ends are given away.
    func give(_ count: Int, over carrier: MessagePort) async throws -> [MessagePort] {
        var ports: [MessagePort] = []
        ports.reserveCapacity(count)
        while ports.count < count {
            var far: [Transferable] = []
            for _ in 0..<min(100, count - ports.count) {
                let channel = try MessageChannel()
                ports.append(channel.port1)
                far.append(.port(channel.port2))
            }
            try await carrier.send(.text("\(count)", transfer: far))
        }
        return ports
    }

    /// The same message to as many ports as ``size``, again and again.
    func broadcast(_ far: FarProcess) async throws {
        let carrier = try await far.line(as: .broadcast)
        var answers = carrier.messages.makeAsyncIterator()
        let ports = try await give(size, over: carrier)
        _ = try await answers.next()
        var message = [UInt8](repeating: 0, count: 1024)
        var batch = MessageBatch()
        let begin = bench_now()
        let deadline = deadline
        var round: UInt64 = 0
        while bench_now() < deadline {
            message.stamp(round)
            batch.removeAll()
            try batch.append(.bytes(message))
            for port in ports { try port.postMessages(batch) }
            check(try await answers.next()?.text == "\(round)", "round \(round) was not answered")
            round += 1
        }
        report(Double(round) * Double(ports.count) / (bench_now() - begin) * 1e6, "per_s")
    }
}

extension Server {
    func keepPorts(_ carrier: MessagePort) async throws {
        var kept: [MessagePort] = []
        for try await message in carrier.messages {
            kept += message.ports
            for port in message.ports { port.start() }
            if message.ports.isEmpty {
                // All are here.
                if let active = kept.last {
                    Task(executorPreference: try work.executor) { try await echo(active) }
                }
                try carrier.postMessage("")
            }
        }
    }

    func takeBroadcasts(_ carrier: MessagePort) async throws {
        let taken = Counter()
        var kept: [MessagePort] = []
        for try await message in carrier.messages {
            let count = Int(message.text ?? "") ?? 0
            kept += message.ports
            for port in message.ports {
                let number = Counter()
                port.onMessage { message in
                    let round = number.increment() - 1
                    check(message.isStamped(UInt64(round)), "message \(round) did not arrive intact")
                    if taken.increment() == (round + 1) * count { _ = try? carrier.postMessage("\(round)") }
                }
            }
            if kept.count == count { try carrier.postMessage("ready") }
        }
    }
}

/// What /proc says of a process.
struct ProcessFacts {
    let threads: Int
    /// Of all its threads, since it began: each is a wake-up, or an interruption.
    let switches: Int

    init(_ processID: pid_t) throws {
        var threads = 0
        var switches = 0
        guard let directory = opendir("/proc/\(processID)/task") else { fail("process \(processID) is gone") }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard Int(name) != nil, let file = fopen("/proc/\(processID)/task/\(name)/status", "r") else {
                continue
            }
            defer { fclose(file) }
            threads += 1
            var line = [CChar](repeating: 0, count: 256)
            while fgets(&line, 256, file) != nil {
                let text = String(
                    decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
                if text.hasPrefix("voluntary_ctxt_switches:"),
                    let number = Int(text.split(whereSeparator: \.isWhitespace).last ?? "")
                {
                    switches += number
                }
            }
        }
        self.threads = threads
        self.switches = switches
    }
}
