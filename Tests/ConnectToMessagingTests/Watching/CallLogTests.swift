import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import Logging
import Synchronization
import Testing

@Suite("The log of calls", .timeLimit(.minutes(1)))
struct CallLogTests {
    @Test("A request is logged on both sides, with its type, direction, id, duration and outcome")
    func request() async throws {
        let (log, caller, callee) = try makeLoggedMessengers()
        callee.on(Sample.add) { pair, _ in pair.a + pair.b }
        #expect(try await caller.request(Sample.add, Sample.Pair(a: 2, b: 3)) == 5)
        let entries = await log.next(2)
        #expect(
            sortedWords(entries) == [
                "debug request: direction received, id 1, outcome result, type add",
                "debug request: direction sent, id 1, outcome result, type add",
            ])
        for entry in entries {
            let parts = entry.duration.split(separator: " ")
            #expect(parts.count == 2 && Int(parts[0]) != nil && parts[1] == "µs", "\(entry.duration)")
        }
    }

    @Test("The duration in the log is that of the request")
    func duration() async throws {
        let (log, caller, callee) = try makeLoggedMessengers()
        callee.on(Sample.wait) { _, _ in
            try await Task.sleep(for: .milliseconds(20))
            return NoPayload()
        }
        _ = try await caller.request(Sample.wait)
        for entry in await log.next(2) {
            let microseconds = try #require(entry.duration.split(separator: " ").first.flatMap { Int($0) })
            #expect(20_000..<60_000_000 ~= microseconds)
        }
    }

    @Test("A failure, a stream and a barrier are logged as what they are")
    func otherOutcomes() async throws {
        let (log, caller, callee) = try makeLoggedMessengers()
        callee.on(Sample.count) { count, answers, _ in for number in 0..<count { try await answers.yield(number) } }
        await expectError(.unknownType) { try await caller.request(Sample.shout, "a secret") }
        #expect(
            sortedWords(await log.next(2)) == [
                "debug request: direction received, id 1, outcome unknown-type, type shout",
                "debug request: direction sent, id 1, outcome unknown-type, type shout",
            ])
        for try await _ in try caller.stream(Sample.count, 40) {}
        #expect(
            sortedWords(await log.next(2)) == [
                "debug stream: direction received, id 2, outcome result, type count",
                "debug stream: direction sent, id 2, outcome result, type count",
            ])
        try await caller.barrier()
        #expect(
            sortedWords(await log.next(2)) == [
                "debug barrier: direction received, id 3, outcome result",
                "debug barrier: direction sent, id 3, outcome result",
            ])
    }

    @Test("A request whose line ends is logged once on each side, as line-ended")
    func lineEnded() async throws {
        let (log, caller, callee) = try makeLoggedMessengers()
        let started = Gate()
        callee.on(Sample.wait) { _, _ in
            await started.open()
            try await Task.sleep(for: .seconds(100))
            return NoPayload()
        }
        async let answer = expectError(.lineEnded) { try await caller.request(Sample.wait) }
        await started.wait()
        callee.close()
        _ = await answer
        #expect(
            sortedWords(await log.next(2)) == [
                "debug request: direction received, id 1, outcome line-ended, type wait",
                "debug request: direction sent, id 1, outcome line-ended, type wait",
            ])
        await expectError(.lineEnded) { try await caller.request(Sample.wait) }
        #expect(await log.next(1).map(\.words) == ["debug request: direction sent, outcome line-ended, type wait"])
    }

    @Test("A request that begins while the logger's level is above debug is not logged, whatever the level is later")
    func levelAboveDebug() async throws {
        let (log, caller, callee) = try makeLoggedMessengers()
        callee.on(Sample.count) { _, _, _ in log.level = .debug }
        log.level = .info
        for try await _ in try caller.stream(Sample.count, 1) {}
        try await caller.barrier()
        #expect(
            sortedWords(await log.next(2)) == [
                "debug barrier: direction received, id 2, outcome result",
                "debug barrier: direction sent, id 2, outcome result",
            ])
    }
}

/// Two messengers on the two ends of one pair of sockets, which write one log.
private func makeLoggedMessengers() throws -> (KeptLog, Messenger, Messenger) {
    let log = KeptLog()
    var options = MessengerOptions()
    options.logger = Logger(label: "calls") { _ in KeptLogHandler(log: log) }
    let (a, b) = try MessageChannel.makePair()
    return (log, Messenger(a, options: options), Messenger(b, options: options))
}

/// The two sides write at the same time.
private func sortedWords(_ entries: [Entry]) -> [String] {
    entries.map(\.words).sorted()
}

private struct Entry: Sendable {
    var level: Logger.Level
    var message: String
    var metadata: Logger.Metadata

    var duration: String { "\(metadata["duration"] ?? "missing")" }

    /// All of it but the duration, which differs each time.
    var words: String {
        let facts = metadata.filter { $0.key != "duration" }.sorted { $0.key < $1.key }
        return "\(level) \(message): " + facts.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
}

/// What was logged, for a test to wait for.
private final class KeptLog: Sendable {
    private let state = Mutex((waiting: [Entry](), level: Logger.Level.debug))
    private let arrivals = AsyncStream.makeStream(of: Void.self)

    var level: Logger.Level {
        get { state.withLock(\.level) }
        set { state.withLock { $0.level = newValue } }
    }

    func append(_ entry: Entry) {
        state.withLock { $0.waiting.append(entry) }
        arrivals.continuation.yield()
    }

    /// Waits for this many entries and takes them.
    func next(_ count: Int) async -> [Entry] {
        var arrivals = arrivals.stream.makeAsyncIterator()
        for _ in 0..<count { await arrivals.next() }
        return state.withLock { state in
            defer { state.waiting.removeFirst(count) }
            return Array(state.waiting[..<count])
        }
    }
}

private struct KeptLogHandler: LogHandler {
    let log: KeptLog
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level {
        get { log.level }
        set { log.level = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        log.append(Entry(level: event.level, message: "\(event.message)", metadata: event.metadata ?? [:]))
    }
}
