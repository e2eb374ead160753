import ConnectToTestSupport
import FoundationEssentials
import Testing

@testable import ConnectToState

@Suite("Shared state beside its model", .timeLimit(.minutes(5)))
struct ModelTests {
    /// The model is Tests/ConnectToStateTests/Model/model.py; `model.py SEED 1 --show SEED` shows what it has where the
    /// replicas differ from it.
    @Test("After each step of random schedules every replica is what it is in the model, and its changes add up")
    func schedules() async throws {
        try await replay("model.py")
    }

    @Test("After each step of random schedules every text is what it is in the model, and its edits add up")
    func textSchedules() async throws {
        try await replay("text_model.py")
    }

    private func replay(_ name: String) async throws {
        let model = URL(filePath: #filePath).deletingLastPathComponent().appending(path: name).path
        let count = ProcessInfo.processInfo.environment["CONNECTTO_SCHEDULES"].flatMap { Int($0) } ?? 100
        try await withProcess("/usr/bin/python3", [model, "0", "\(count)"]) { process in
            var replay = Replay()
            while let line = await process.line() { if try !replay.take(line) { return } }
            #expect(replay.ended == count, "the model has ended before: see what it says when it is run alone")
        }
    }
}

/// Does the steps of a model, which are lines of JSON.
private struct Replay {
    var ended = 0
    private var seed = 0
    private var step = 0
    /// The rule is the only difference between the two.
    private var latest = Schedule()
    private var custom = Schedule()

    /// - Returns: false where a replica differs from the model.
    mutating func take(_ line: String) throws -> Bool {
        let said = try JSONDecoder().decode([StateValue].self, from: Data(line.utf8))
        guard case .string(let kind)? = said.first else { return true }
        let numbers = said.map { if case .integer(let number) = $0 { Int(number) } else { 0 } }
        step += 1
        switch kind {
        case "seed":
            (seed, step, latest, custom) = (numbers[1], 0, Schedule(), Schedule())
        case "add":
            latest.add(numbers[1], rule: .vectorClock)
            custom.add(numbers[1], rule: Schedule.joinRule)
        case "set":
            guard case .array(let keys) = said[2] else { return true }
            let path = StatePath(keys.map(StateText.value))
            try both { try $0.set(numbers[1], path, said[3] == .null ? nil : said[3]) }
            return matches(numbers[1], numbers[4])
        case "edit":
            guard case .string(let text) = said[2], case .string(let string) = said[5] else { return true }
            try both { try $0.edit(numbers[1], text, numbers[3], numbers[4], string) }
            return matches(numbers[1], numbers[6])
        case "forget":
            both { $0.forget(numbers[1], keeping: numbers[2]) }
            return matches(numbers[1], numbers[3])
        case "deliver":
            try both { try $0.deliver(numbers[1], numbers[2]) }
            return matches(numbers[2], numbers[3])
        case "connect": both { $0.connect(numbers[1], numbers[2]) }
        case "cut": both { $0.cut(numbers[1], numbers[2]) }
        case "remove": both { $0.remove(numbers[1]) }
        default: ended += 1
        }
        return true
    }

    private mutating func both(_ body: (inout Schedule) throws -> Void) rethrows {
        try body(&latest)
        try body(&custom)
    }

    private func matches(_ name: Int, _ checksum: Int) -> Bool {
        guard let latest = latest.document(name), let custom = custom.document(name) else { return false }
        let text = StateText.text(latest: latest, custom: custom)
        let isSame = Int(StateText.checksum(text)) == checksum
        #expect(isSame, "seed \(seed), step \(step), replica \(name):\n\(text)")
        let areToldAll =
            StateText.view(StateText.shown(latest)) == self.latest.replayedView(name)
            && StateText.view(StateText.shown(custom)) == self.custom.replayedView(name)
            && self.latest.areTextsToldAll(name)
        #expect(areToldAll, "seed \(seed), step \(step), replica \(name): the changes do not give the view\n\(text)")
        return isSame && areToldAll
    }
}
