import ConnectTo
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToMessaging

/// Requests of every kind, in both directions of one line, with random delays, cancels and deadlines: 10,000, or as
/// many as CONNECTTO_MIXTURE says (`make mixture`). CONNECTTO_SEED repeats a run's choices.
@Suite("A mixture of requests", .timeLimit(.minutes(10)))
struct MixtureTests {
    private let count = environment("CONNECTTO_MIXTURE").map(Int.init) ?? 10_000
    private let seed = environment("CONNECTTO_SEED") ?? .random(in: 0 ... .max)

    @Test("Every request ends once, handlers start in order, and no place, byte or descriptor is lost")
    func mixture() async throws {
        try await expectNoDescriptorLeak {
            let (a, b) = try makeMessengers()
            let sides = [MixtureSide(a), MixtureSide(b)]
            var chance = Seeded(seed)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for side in sides {
                    let own = chance.fork()
                    group.addTask { try await side.ask(count / 2, own) }
                }
                try await group.waitForAll()
            }
            for side in sides {
                #expect(side.outcomes.total == count / 2, "seed \(seed)")
                for outcome in side.outcomes.names { #expect(Self.expected.contains(outcome), "seed \(seed)") }
                for wanted in ["result", "deadline sent", "cancelled sent"] {
                    #expect(side.outcomes[wanted] > 0, "a mixture without \(wanted) tries too little; seed \(seed)")
                }
                #expect(side.hasStartedInOrder, "seed \(seed)")
                try await side.expectWhole("seed \(seed)")
            }
            print("mixture: seed \(seed), \(sides.map(\.outcomes.text).joined(separator: " | "))")
            for side in sides { side.close() }
        }
    }

    private static let expected: Set = [
        "result", "left", "deadline sent", "deadline waiting", "cancelled sent", "cancelled waiting",
        // The callee's word has come before the caller's own timer.
        "deadline", "no-answer", "mixture.failed",
    ]

    private static func environment(_ name: String) -> UInt64? {
        // The goal of the Makefile sets it to nothing where the seed is to be chosen here.
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }
}

/// One side of the mixture: it asks, and answers the other side's requests.
private final class MixtureSide: Sendable {
    struct Started {
        private var last = -1
        private(set) var isInOrder = true

        mutating func start(_ number: Int) {
            if number <= last { isInOrder = false }
            last = number
        }
    }

    struct Question: Codable, Sendable {
        var number: Int
        var microseconds: Int
        var elements: Int
        /// Whether files go along with the answers.
        var wantsFile: Bool
        /// Whether the handler goes on when it is cancelled.
        var isStubborn: Bool
    }

    let messenger: Messenger
    let outcomes = Tally()
    private let started = Lock(Started())
    var hasStartedInOrder: Bool { started.withLock { $0.isInOrder } }
    private let file: OpenFile
    /// They hold this object, which holds the messenger.
    private let handlers = Lock<[Subscription]>([])

    init(_ messenger: Messenger) {
        self.messenger = messenger
        file = OpenFile(adopting: open("/dev/null", O_RDONLY | O_CLOEXEC))
        let handlers = answerAll()
        self.handlers.withLock { $0 = handlers }
    }

    func close() {
        messenger.close()
        for handler in handlers.withLock(\.self) { handler.cancel() }
        file.close()
    }

    // MARK: Answering

    private func answerAll() -> [Subscription] {
        var handlers = ["wait", "nested"].map { kind in
            messenger.onRequest(kind) { [self] payload, context in
                let question = try begin(payload)
                if kind == "nested", let messenger = context.messenger {
                    _ = try await messenger.request("back", .json("\(question.number)"))
                }
                try await pause(question)
                return try answer(question)
            }
        }
        handlers.append(messenger.onRequest("now") { [self] payload, _ in try answer(try begin(payload)) })
        handlers.append(messenger.onRequest("back") { payload, _ in payload.text.map { .json($0) } })
        let stream = messenger.onStream("count") { [self] payload, answers, _ in
            let question = try begin(payload)
            for _ in 0..<question.elements {
                if question.microseconds > 3_500 { try await pause(question) }
                try await answers.yield(try answer(question))
            }
        }
        let later = messenger.onDeferred(Request<Question, Int>("later")) { [self] question, answer, _ in
            started.withLock { $0.start(question.number) }
            // One in eight is dropped, which is an answer too.
            if question.number % 8 == 0 { return }
            keep(answer, question)
        }
        return handlers + [stream, later]
    }

    private func keep(_ answer: consuming DeferredAnswer<Int>, _ question: Question) {
        let kept = Lock<DeferredAnswer<Int>?>(answer)
        let box = Box(kept)
        Task {
            try await pause(question)
            try box.answer(question.number)
        }
    }

    private func begin(_ payload: Payload) throws -> Question {
        let question = try payload.decode(Question.self)
        started.withLock { $0.start(question.number) }
        return question
    }

    private func pause(_ question: Question) async throws {
        do {
            try await Task.sleep(for: .microseconds(question.microseconds))
        } catch  where question.isStubborn {
            await Task.yield()
        }
    }

    private func answer(_ question: Question) throws -> OutgoingMessage {
        if question.number % 50 == 0 { throw CallFailure(.init(rawValue: "mixture.failed"), "one in fifty fails") }
        return .json("\(question.number)", transfer: question.wantsFile ? [.file(try file.duplicated())] : [])
    }

    // MARK: Asking

    /// Makes the requests, 80 at a time.
    func ask(_ count: Int, _ chance: Seeded) async throws {
        var chance = chance
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                if number >= 80 { _ = try await group.next() }
                let own = chance.fork()
                // Started in the order of their numbers.
                group.addImmediateTask { [self] in try await askOnce(number, own) }
            }
            try await group.waitForAll()
        }
    }

    private func askOnce(_ number: Int, _ chance: Seeded) async throws {
        var chance = chance
        let question = Question(
            number: number, microseconds: .random(in: 0..<4_000, using: &chance),
            elements: .random(in: 0..<40, using: &chance), wantsFile: .random(in: 0..<10, using: &chance) == 0,
            isStubborn: .random(using: &chance))
        let kind = ["wait", "now", "count", "nested", "later"].randomElement(using: &chance) ?? "now"
        var payload = try OutgoingMessage.encoding(question)
        if .random(in: 0..<20, using: &chance) == 0 { payload.transfer = [.file(try file.duplicated())] }
        let limit: Duration =
            .random(in: 0..<4, using: &chance) == 0
            ? .microseconds(.random(in: 500..<50_000, using: &chance)) : .seconds(300)
        let leaves = Bool.random(using: &chance)
        let cancelsAfter: Duration? =
            .random(in: 0..<4, using: &chance) == 0 ? .microseconds(.random(in: 0..<30_000, using: &chance)) : nil
        let request = Task.immediate { [messenger] in
            if kind == "count" {
                var taken = 0
                for try await payload in try messenger.stream(kind, payload, within: limit) {
                    guard payload.text == "\(number)" else { throw WrongAnswer() }
                    taken += 1
                    if leaves, taken == question.elements / 2 { return "left" }
                }
                return "result"
            }
            let answer = try await messenger.request(kind, payload, within: limit)
            guard answer.text == "\(number)" else { throw WrongAnswer() }
            return "result"
        }
        if let cancelsAfter {
            try? await Task.sleep(for: cancelsAfter)
            request.cancel()
        }
        do {
            outcomes.add(try await request.value)
        } catch let error as CallError {
            outcomes.add(error.stage.map { "\(error.code) \($0)" } ?? "\(error.code)")
        } catch {
            outcomes.add("\(error)")
        }
    }

    // MARK: Afterwards

    /// Waits until all answers have come, and checks that nothing is missing.
    func expectWhole(_ comment: Comment) async throws {
        let line = messenger.line
        while line.withState({ !$0.made.isEmpty }) || line.withState({ $0.served.count > 0 || !$0.window.isWhole }) {
            try await messenger.barrier(within: .seconds(60))
        }
        #expect(line.withState(\.made.places) == 64, comment)
        #expect(line.withState(\.order.waitingBytes) == 0, comment)
    }
}

private struct WrongAnswer: Error {}

/// A duty to answer, for a closure to keep.
private final class Box: Sendable {
    private let kept: Lock<DeferredAnswer<Int>?>

    init(_ kept: consuming Lock<DeferredAnswer<Int>?>) {
        self.kept = kept
    }

    func answer(_ number: Int) throws {
        let answer = kept.withLock { kept in kept.take() }
        try answer?.answer(number)
    }
}
