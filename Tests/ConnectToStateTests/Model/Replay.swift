import FoundationEssentials

@testable import ConnectToState

/// Does the steps of a model, which are lines of JSON.
struct Replay {
    /// How many schedules have ended.
    private(set) var ended = 0
    private var seed = 0
    private var step = 0
    /// The rule is the only difference between the two.
    private var latest = Schedule()
    private var custom = Schedule()
    private let decoder = JSONDecoder()

    /// Does a step, and compares the replica that it has changed.
    ///
    /// - Throws: ``Difference``, or what a replica has thrown.
    mutating func take(_ line: String) throws {
        let said = try decoder.decode([StateValue].self, from: Data(line.utf8))
        guard case .string(let kind)? = said.first else { return }
        let numbers = said.map { if case .integer(let number) = $0 { Int(number) } else { 0 } }
        step += 1
        switch kind {
        case "seed":
            (seed, step, latest, custom) = (numbers[1], 0, Schedule(), Schedule())
        case "add":
            latest.add(numbers[1], rule: .vectorClock)
            custom.add(numbers[1], rule: Schedule.joinRule)
        case "set":
            guard case .array(let keys) = said[2] else { return }
            let path = StatePath(keys.map(StateText.value))
            try both { try $0.set(numbers[1], path, said[3] == .null ? nil : said[3]) }
            try compare(numbers[1], numbers[4])
        case "edit":
            guard case .string(let text) = said[2], case .string(let string) = said[5] else { return }
            try both { try $0.edit(numbers[1], text, numbers[3], numbers[4], string) }
            try compare(numbers[1], numbers[6])
        case "forget":
            both { $0.forget(numbers[1], keeping: numbers[2]) }
            try compare(numbers[1], numbers[3])
        case "deliver":
            try both { try $0.deliver(numbers[1], numbers[2]) }
            try compare(numbers[2], numbers[3])
        case "connect": both { $0.connect(numbers[1], numbers[2]) }
        case "cut": both { $0.cut(numbers[1], numbers[2]) }
        case "remove": both { $0.remove(numbers[1]) }
        default: ended += 1
        }
    }

    private mutating func both(_ body: (inout Schedule) throws -> Void) rethrows {
        try body(&latest)
        try body(&custom)
    }

    private func compare(_ name: Int, _ checksum: Int) throws {
        guard let latest = latest.document(name), let custom = custom.document(name) else {
            throw Difference("seed \(seed), step \(step): there is no replica \(name)")
        }
        let text = StateText.text(latest: latest, custom: custom)
        let place = "seed \(seed), step \(step), replica \(name)"
        if Int(StateText.checksum(text)) != checksum {
            throw Difference("\(place) is not what the model has:\n\(text)")
        }
        let areToldAll =
            StateText.view(StateText.shown(latest)) == self.latest.replayedView(name)
            && StateText.view(StateText.shown(custom)) == self.custom.replayedView(name)
            && self.latest.areTextsToldAll(name)
        if !areToldAll { throw Difference("\(place): the changes do not give the view:\n\(text)") }
    }

    /// Where in the steps this is, for what a replica throws.
    var place: String { "seed \(seed), step \(step)" }
}

/// Where a replica is not what it is in the model.
struct Difference: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
