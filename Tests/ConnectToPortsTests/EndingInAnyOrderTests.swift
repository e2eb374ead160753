import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("A line that two programs end in any order", .chosenExecutor, .timeLimit(.minutes(1)))
struct EndingInAnyOrderTests {
    @Test(
        "A line that its two programs end in any order is closed for each, with counts, and leaves nothing behind",
        arguments: 0..<300)
    func lineEndsInAnyOrder(seed: UInt64) async throws {
        let loop = try EventLoop.shared
        var chance = Chance(seed)
        let lines: [Weak]
        do {
            let sides = try Side.pair()
            for _ in 0..<chance.below(24) { try await sides[chance.below(2)].act(&chance) }
            // Were neither to take before the end, neither would say close.
            let (a, b) = (chance.below(6), chance.below(5))
            let ending = Task {
                async let other: Void = sides[1].end(b)
                try await sides[0].end(a)
                try await other
            }
            let limit = loop.reactor.schedule(after: .seconds(10)) { ending.cancel() }
            try await ending.value
            limit.cancel()
            let told = [await sides[0].tell(), await sides[1].tell()]
            for (mine, theirs) in [(told[0], told[1]), (told[1], told[0])] {
                #expect(mine.taken == Array(0..<mine.taken.count), "seed \(seed)")
                #expect(mine.hasHeardOnce, "seed \(seed)")
                guard let outcome = mine.outcome else { continue }
                #expect(outcome.reason == .closed, "seed \(seed)")
                #expect(outcome.undelivered == outcome.posted - theirs.taken.count, "seed \(seed)")
            }
            lines = await sides[0].lines + sides[1].lines
        }
        let end = ContinuousClock.now + .seconds(10)
        while lines.contains(where: { $0.line != nil }), .now < end { await loop.catchUp() }
        #expect(lines.allSatisfy { $0.line == nil }, "seed \(seed)")
    }
}

private struct Weak { weak let line: Line? }

/// What one has taken, in the sequence or by a handler: numbers from 0 upwards; and how often a handler heard of the
/// end.
private final class Record: Sendable {
    private let state = Lock<(taken: [Int], ends: Int)>(([], 0))
    var taken: [Int] { state.withLock(\.taken) }
    var ends: Int { state.withLock(\.ends) }

    func note(_ message: Message) {
        let number = message.text.flatMap { $0.split(separator: " ").first }.flatMap { Int($0) }
        state.withLock { $0.taken.append(number ?? -1) }
    }

    func noteEnd() { state.withLock { $0.ends += 1 } }
}

/// One of the two programs: the port, wherever it has got to, and what is to be true of it.
private actor Side {
    private var port: MessagePort?
    private(set) var lines: [Weak]
    private var (posted, handlers, hasClosed, hasHandlers) = (0, 0, false, false)
    private let record = Record()
    typealias Outcome = (reason: CloseReason.Code, posted: Int, undelivered: Int)
    private var outcome: Outcome?

    init(_ port: MessagePort) { (self.port, lines) = (port, [Weak(line: port.line)]) }

    static func pair() throws -> [Side] {
        let channel = try MessageChannel()
        return [Side(channel.port1), Side(channel.port2)]
    }

    func act(_ chance: inout Chance) async throws {
        guard let port else { return }
        switch chance.below(16) {
        case 0..<5: try post(on: port, padding: chance.below(5) == 0 ? chance.below(200_000) : 0)
        case 5..<9: await take(from: port, isCancelled: chance.below(4) == 0)
        case 9: port.finish()
        case 10: port.start()
        case 11: try await EventLoop.shared.catchUp()
        case 12: try await transfer(port, isRefused: chance.below(2) == 0)
        case 13 where !hasHandlers:
            hasHandlers = true
            handlers += 1
            port.onMessage { [record] in record.note($0) }
            port.onClose { [record] _ in record.noteEnd() }
        case 14..<16 where chance.below(4) == 0: letGo(of: port, closing: chance.below(2) == 0)
        default: break
        }
    }

    private func post(on port: MessagePort, padding: Int) throws {
        do throws(PortError) {
            let before = port.postedCount
            try port.postMessage("\(posted) " + String(repeating: "x", count: padding))
            posted += port.postedCount - before
        } catch {
            if error.code != .finished { throw error }
        }
    }

    private func take(from port: MessagePort, isCancelled: Bool) async {
        if hasHandlers { return }
        let taking = Task { try await port.take() }
        if isCancelled || port.line.read({ !$0.hasNews }) { taking.cancel() }
        if let message = try? await taking.value { record.note(message) }
    }

    /// One that is over for good here, and one that is refused, stays.
    private func transfer(_ port: MessagePort, isRefused: Bool) async throws {
        let (near, far) = try MessageChannel.makePair()
        let dead = try MessageChannel().port1
        dead.close()
        do throws(PortError) {
            try near.postMessage(.text("", transfer: [.port(port)] + (isRefused ? [.port(dead)] : [])))
        } catch {
            return
        }
        // What a handler has been given already it notes first.
        try await EventLoop.shared.catchUp()
        self.port = try await far.take()?.ports.first
        if let port = self.port { lines.append(Weak(line: port.line)) }
        hasHandlers = false
    }

    private func letGo(of port: MessagePort, closing: Bool) {
        if closing { port.close() }
        hasClosed = hasClosed || closing
        // Two that have handlers and have not finished would keep each other.
        if hasHandlers { port.finish() }
        if !closing { self.port = nil }
    }

    func end(_ way: Int) async throws {
        guard let port else { return }
        if way == 3 || way == 4 { return letGo(of: port, closing: way == 3) }
        port.finish()
        // The end may be known before what came is taken.
        if way == 5 { _ = try await port.waitUntilClosed() }
        while !hasHandlers, let message = try await port.take() { record.note(message) }
        let reason = try await port.waitUntilClosed()
        while hasHandlers, !hasClosed, record.ends == 0, !Task.isCancelled { await Task.yield() }
        if !hasClosed { outcome = (reason.code, port.postedCount, port.undeliveredCount) }
    }

    /// Lets go of the port, and tells what was seen.
    func tell() -> (taken: [Int], outcome: Outcome?, hasHeardOnce: Bool) {
        port = nil
        return (record.taken, outcome, record.ends <= handlers)
    }
}
