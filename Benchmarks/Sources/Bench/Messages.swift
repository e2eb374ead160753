import CBench
import ConnectTo

// Measurements of messages on one line.

extension Work {
    var deadline: Double { bench_now() + seconds * 1e6 }

    func roundTrip(_ far: FarProcess) async throws {
        var samples = try await roundTrips(on: far.line(as: .echo))
        report(&samples)
    }

    /// The times of round trips of stamped messages of ``size`` bytes.
    func roundTrips(on port: MessagePort, size: Int? = nil) async throws -> Samples {
        var message = [UInt8](repeating: 0, count: size ?? self.size)
        var messages = port.messages.makeAsyncIterator()
        var samples = Samples()
        let deadline = deadline
        var number: UInt64 = 0
        while bench_now() < deadline || number < 24 {
            let begin = bench_now()
            message.stamp(number)
            try port.postMessage(message)
            let answer = try await messages.next()
            // The first ones find cold caches.
            if number >= 20 || message.count >= 1 << 20 { samples.add(since: begin) }
            check(answer?.isStamped(number) == true, "message \(number) did not come back intact")
            number += 1
        }
        return samples
    }

    func oneWay(_ far: FarProcess) async throws {
        let port = try await far.line(as: .sink)
        var messages = port.messages.makeAsyncIterator()
        var message = [UInt8](repeating: 0, count: size)
        let begin = bench_now()
        let deadline = deadline
        var number: UInt64 = 0
        repeat {
            for _ in 0..<64 {
                message.stamp(number)
                do throws(PortError) {
                    try port.postMessage(message)
                } catch {
                    // As programs do that post more than their peer takes.
                    guard error.code == .queueFull else { throw error }
                    try await port.send(.bytes(message))
                }
                number += 1
            }
        } while bench_now() < deadline
        try await finish(number, since: begin, port, &messages)
    }

    /// Posted together, about 64 KiB at a time.
    func burst(_ far: FarProcess) async throws {
        let port = try await far.line(as: .sink)
        var messages = port.messages.makeAsyncIterator()
        var message = [UInt8](repeating: 0, count: size)
        var batch = MessageBatch()
        let begin = bench_now()
        let deadline = deadline
        var number: UInt64 = 0
        repeat {
            batch.removeAll()
            while batch.size + size + 8 <= 64 << 10 {
                message.stamp(number)
                try batch.append(.bytes(message))
                number += 1
            }
            try await port.sendMessages(batch)
        } while bench_now() < deadline
        try await finish(number, since: begin, port, &messages)
    }

    /// The last message, and the answer that tells how many came before it.
    private func finish(
        _ number: UInt64, since begin: Double, _ port: MessagePort, _ messages: inout Messages.AsyncIterator
    ) async throws {
        var message = [UInt8](repeating: 0, count: size)
        message.stamp(lastMessage)
        try await port.send(.bytes(message))
        let answer = try await messages.next()
        let rate = Double(number) / (bench_now() - begin) * 1e6
        check(answer?.text == "\(number)", "\(number) were sent, and \(answer?.text ?? "none") arrived")
        report(rate, "per_s")
    }

    /// A large message, and a short answer. The rate is that of the median.
    func bulk(_ far: FarProcess) async throws {
        let port = try await far.line(as: .answer)
        var message = [UInt8](repeating: 1, count: size)
        var messages = port.messages.makeAsyncIterator()
        var samples = Samples()
        let deadline = deadline
        var number: UInt64 = 0
        while bench_now() < deadline || number < 4 {
            let begin = bench_now()
            message.stamp(number)
            try port.postMessage(message)
            check(try await messages.next()?.count == 0, "no answer to message \(number)")
            if number >= 1 { samples.add(since: begin) }
            number += 1
        }
        reportBulk(&samples)
    }

    /// The same memory, filled and passed again and again.
    func buffer(_ far: FarProcess) async throws {
        let port = try await far.line(as: .buffers)
        var messages = port.messages.makeAsyncIterator()
        let buffer = try SharedBuffer(count: size, mode: .shared)
        var samples = Samples()
        let deadline = deadline
        var number: UInt64 = 0
        while bench_now() < deadline || number < 4 {
            let begin = bench_now()
            _ = buffer.withUnsafeMutableBytes { bench_fill($0.baseAddress, $0.count, number) }
            try port.postMessage(.text("", transfer: [.buffer(buffer)]))
            check(try await messages.next()?.count == 0, "no answer to buffer \(number)")
            if number >= 1 { samples.add(since: begin) }
            number += 1
        }
        reportBulk(&samples)
    }

    func json(_ far: FarProcess) async throws {
        let port = try await far.line(as: .json)
        var messages = port.messages.makeAsyncIterator()
        var samples = Samples()
        let deadline = deadline
        var note = Note(id: 0, name: "a note of some length", isDone: false)
        while bench_now() < deadline || note.id < 24 {
            note.id += 1
            let begin = bench_now()
            try port.postMessage(.encoding(note))
            let answer = try await messages.next()?.decode(Note.self)
            if note.id > 20 { samples.add(since: begin) }
            check(answer == note, "note \(note.id) did not come back intact")
        }
        report(&samples)
    }

    private func reportBulk(_ samples: inout Samples) {
        report(Double(size) / (samples.median / 1e6) / Double(1 << 30), "GiB_s")
    }
}
