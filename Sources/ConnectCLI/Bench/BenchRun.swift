import ConnectTo
import Glibc

/// The measurements of `connect bench`, on this side.
struct BenchRun: Sendable {
    /// The line to the other process, which takes ports and parts.
    let control: MessagePort
    /// For each measurement.
    let duration: Duration

    private let clock = ContinuousClock()

    init(control: MessagePort, duration: Duration) {
        self.control = control
        self.duration = duration
    }

    /// All that takes no bus.
    func lines() async throws -> BenchFigures {
        BenchFigures(
            roundTrip: try await roundTrip(), rate64: try await rate(of: 64),
            rate1024: try await rate(of: 1024),
            bulk1: try await bulk(of: 1 << 20), bulk64: try await bulk(of: 64 << 20),
            buffer16: try await buffer(of: 16 << 20))
    }

    /// A line on which the other process plays a part.
    private func line(to part: BenchPeer.Part) throws -> MessagePort {
        let channel = try MessageChannel()
        try control.postMessage(part.rawValue, transfer: [.port(channel.port2)])
        return channel.port1
    }

    /// Does something again and again until the time is up, at least three times, and tells how long each took. The
    /// first is to warm up.
    private func repeated(_ body: (UInt64) async throws -> Void) async throws -> BenchTimes {
        var times = BenchTimes()
        try await body(0)
        let end = clock.now + duration
        var number: UInt64 = 1
        while clock.now < end || number < 4 {
            times.append(try await clock.measure { try await body(number) })
            number += 1
        }
        return times
    }

    // MARK: Messages

    private func roundTrip() async throws -> BenchTimes {
        let port = try line(to: .echo)
        defer { port.close() }
        var messages = port.messages.makeAsyncIterator()
        var message = [UInt8](repeating: 0, count: 64)
        return try await repeated { number in
            message.stamp(number)
            try port.postMessage(message)
            guard let answer = try await messages.next() else { throw BenchRun.lost }
            try answer.withUnsafeBytes { bytes throws(Failure) in try bytes.check(number) }
        }
    }

    /// Messages a second.
    private func rate(of size: Int) async throws -> Double {
        let port = try line(to: .sink)
        defer { port.close() }
        var messages = port.messages.makeAsyncIterator()
        var message = [UInt8](repeating: 0, count: size)
        var number: UInt64 = 0
        let begin = clock.now
        repeat {
            for _ in 0..<100 {
                message.stamp(number)
                do throws(PortError) {
                    try port.postMessage(message)
                } catch {
                    if error.code != .queueFull { throw error }
                    try await port.send(message)
                }
                number += 1
            }
        } while clock.now - begin < duration
        try await port.send("")
        guard try await messages.next()?.text == "\(number)" else { throw BenchRun.lost }
        return Double(number) / (clock.now - begin).microseconds * 1e6
    }

    /// GiB a second.
    private func bulk(of size: Int) async throws -> Double {
        let port = try line(to: .answer)
        defer { port.close() }
        var messages = port.messages.makeAsyncIterator()
        var message = [UInt8](repeating: 0, count: size)
        let times = try await repeated { number in
            message.stamp(number)
            try port.postMessage(message)
            guard try await messages.next()?.count == 0 else { throw BenchRun.lost }
        }
        return times.rate(of: size)
    }

    /// The same buffer, filled here and read there, GiB a second.
    private func buffer(of size: Int) async throws -> Double {
        let port = try line(to: .answer)
        defer { port.close() }
        var messages = port.messages.makeAsyncIterator()
        let buffer = try SharedBuffer(count: size, mode: .shared)
        let times = try await repeated { number in
            _ = buffer.withUnsafeMutableBytes { $0.fill(number) }
            try port.postMessage("", transfer: [.buffer(buffer)])
            guard try await messages.next()?.count == 0 else { throw BenchRun.lost }
        }
        return times.rate(of: size)
    }

    // MARK: Introductions

    /// From `connectTo` to the first message of the listener, read: from new connections to the bus, and from one that
    /// the listener knows.
    /// - Throws: ``Failure`` 69 where there is no bus.
    func introductions(
        origin: String, openBus: () async throws(Failure) -> Bus
    ) async throws(Failure) -> BenchIntroductions {
        let bus = try await openBus()
        do {
            let name = "connect-bench-\(getpid())"
            let host = try line(to: .host)
            defer { host.close() }
            var answers = host.messages.makeAsyncIterator()
            try host.postMessage(name)
            guard try await answers.next()?.text == "ready" else { throw BenchRun.lost }
            let warm = try await repeated { _ in try await welcome(by: name, origin, from: bus) }
            // One connection for each process and bus: the new one begins when the old one has gone.
            await bus.close()
            var first = BenchTimes()
            let end = clock.now + duration
            repeat {
                let bus = try await openBus()
                first.append(try await clock.measure { try await welcome(by: name, origin, from: bus) })
                await bus.close()
            } while clock.now < end
            return BenchIntroductions(first: first, warm: warm)
        } catch { throw Failure(error) }
    }

    private func welcome(by name: String, _ origin: String, from bus: Bus) async throws {
        let port = bus.connectTo(name, origin: origin)
        defer { port.close() }
        var messages = port.messages.makeAsyncIterator()
        guard try await messages.next()?.text == "Welcome" else { throw BenchRun.lost }
    }

    static let lost = Failure(.peerFailed, "the other process did not answer as it should; try again")
}
