import ConnectToLinux
import Testing

@testable import ConnectToPorts

extension EventLoop {
    /// Returns when the loop has looked at all that had happened when this was called.
    func catchUp() async {
        // Twice: the first look may leave something for the next turn.
        for _ in 0..<2 {
            await withCheckedContinuation { continuation in
                reactor.execute { continuation.resume() }
            }
        }
    }
}

extension MessagePort {
    /// Everything to the end of the sequence, as text; and the error, if it ended with one.
    func takeAll() async -> (texts: [String], error: PortError?) {
        var texts: [String] = []
        do {
            for try await message in messages { texts.append(message.text ?? "\(message.bytes)") }
            return (texts, nil)
        } catch let error as PortError {
            return (texts, error)
        } catch {
            Issue.record(error)
            return (texts, nil)
        }
    }

    /// The next message, or nil at the end.
    func take() async throws -> Message? {
        var iterator = messages.makeAsyncIterator()
        return try await iterator.next()
    }
}

extension PortIntroduction {
    /// The other end by hand, as the listener would have received it.
    func peer() throws -> RawPeer {
        struct NoLine: Error {}
        guard let farEnd else { throw NoLine() }
        return RawPeer(StreamSocket(try farEnd.duplicate()))
    }
}

extension MessagePort {
    /// Returns when tasks wait on the port. There is no event for it, so this looks until
    /// it is so, giving way to the tasks that are to get there.
    func untilTaskWaits(for event: LineEvent, atLeast count: Int = 1) async {
        while !Task.isCancelled, line.read({ $0.waiters.count(event) < count }) { await Task.yield() }
    }
}
