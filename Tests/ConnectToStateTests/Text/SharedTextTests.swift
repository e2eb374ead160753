import ConnectTo
import FoundationEssentials
import Testing

@testable import ConnectToState

@Suite("A shared text", .timeLimit(.minutes(1)))
struct SharedTextTests {
    private let one = SharedState()
    private let other = SharedState()
    private var text: SharedText { one.text("notes") }
    private var otherText: SharedText { other.text("notes") }

    private func connect() async throws {
        let channel = try MessageChannel()
        try one.connect("other", channel.port1)
        try other.connect("one", channel.port2)
        try await one.waitUntilSynchronized(with: "other")
        try await other.waitUntilSynchronized(with: "one")
    }

    @Test("What two programs write at the same time, with and without a line, is merged in both")
    func merging() async throws {
        try text.insert("Hello world", at: 0)
        try await connect()
        #expect(otherText.string == "Hello world")
        one.disconnect("other")
        other.disconnect("one")
        try text.insert(", dear", at: 5)
        try otherText.replace(6..<11, with: "moon")
        let edits = otherText.edits
        try await connect()
        try text.insert("!", at: text.utf16Count)
        try await follow(edits, until: "Hello, dear moon!")
        #expect(text.string == "Hello, dear moon!")
    }

    /// Makes the edits on the string that there was, until it is another one.
    private func follow(_ edits: TextEdits, until end: String) async throws {
        var string = edits.string
        for await edit in edits where string != end {
            edit.apply(to: &string)
            if string == end { break }
        }
        #expect(string == end)
    }

    @Test("A loop hears of each edit from when it was made on, one's own ones too")
    func following() async throws {
        try await connect()
        try text.insert("before 😀", at: 0)
        let edits = text.edits
        #expect(edits.string == "before 😀")
        try text.insert("x", at: 7)
        try text.replace(0..<6, with: "after")
        try text.remove(7..<100)
        try text.insert("", at: 0)
        var taken: [TextEdit] = []
        for await edit in edits {
            taken.append(edit)
            if taken.count == 3 { break }
        }
        #expect(
            taken == [
                TextEdit(offset: 7, removed: 0, inserted: "x"), TextEdit(offset: 0, removed: 6, inserted: "after"),
                TextEdit(offset: 7, removed: 2, inserted: ""),
            ])
    }

    @Test("A loop that takes nothing holds at most 256 edits, and finds the text as it is behind them")
    func slowLoop() async throws {
        try text.insert("start ", at: 0)
        let edits = text.edits
        for index in 0..<300 { try text.insert("\(index) ", at: text.utf16Count) }
        var iterator = edits.makeAsyncIterator()
        let whole = try #require(await iterator.next())
        #expect(whole == TextEdit(offset: 0, removed: 6, inserted: text.string))
        try text.insert("end", at: text.utf16Count)
        var string = whole.inserted
        try #require(await iterator.next()).apply(to: &string)
        #expect(string == text.string)
    }

    @Test("Loops over edits end when the state is closed, and what is edited then throws")
    func closing() async throws {
        let edits = text.edits
        await one.close()
        for await _ in edits { Issue.record("there was no edit") }
        let error = #expect(throws: StateError.self) { try text.insert("x", at: 0) }
        #expect(error?.code == .closed)
    }

    @Test("A text has no more bytes than the limits allow: more is refused in words, and nothing is edited")
    func limits() throws {
        var limits = StateLimits()
        limits.documentBytes = 10
        let text = SharedState(limits: limits).text("small")
        try text.insert("ten bytes!", at: 0)
        let error = #expect(throws: StateError.self) { try text.insert("1", at: 0) }
        #expect(error?.code == .limitExceeded)
        #expect(text.string == "ten bytes!")
    }

    @Test("Characters can be counted as Swift does, and a whole text be replaced where it differs")
    func characters() throws {
        try text.insert("a👋🏽b👩‍👩‍👧c", at: 0)
        try text.replace(characters: 1..<2, with: "é")
        try text.replace(characters: 3..<4, with: "")
        #expect(text.string == "aébc")
        let cursor = text.cursor(at: 3)
        let edits = text.edits
        try text.replaceAll(with: "aèé bc")
        #expect(text.string == "aèé bc")
        #expect(text.offset(of: cursor) == 5)
        _ = edits
    }

    @Test("A cursor goes through JSON, and shows the same place in another program")
    func cursors() async throws {
        try text.insert("one two", at: 0)
        try await connect()
        let cursor = text.cursor(at: 3)
        let end = text.cursor(at: 7, beside: .after)
        let sent = try JSONDecoder().decode([TextCursor].self, from: JSONEncoder().encode([cursor, end]))
        try otherText.insert("zero ", at: 0)
        try otherText.insert(" three", at: 12)
        #expect(otherText.offset(of: sent[0]) == 8)
        #expect(otherText.offset(of: sent[1]) == 18)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([TextCursor].self, from: Data(#"["nothing"]"#.utf8))
        }
    }

    @Test("Texts have names of their own, beside the values, and no path leads into one")
    func names() throws {
        try text.insert("text", at: 0)
        try one.set("notes", to: "value")
        #expect(one.text("other").string == "")
        #expect(text.string == "text")
        #expect(one.value(at: "notes") == "value")
        try one.remove("")
        #expect(text.string == "text")
    }
}

extension SharedTextTests {
    @Test("Three programs that type and remove at random, with lines that come and go, end with the same text")
    func random() async throws {
        let states = (0..<3).map { _ in SharedState() }
        var generator = SystemRandomNumberGenerator()
        let edits = states[0].text("t").edits
        var told = edits.string
        for _ in 0..<20 {
            for (here, there) in [(0, 1), (1, 2)] {
                states[here].disconnect("\(there)")
                states[there].disconnect("\(here)")
                let channel = try MessageChannel()
                try states[here].connect("\(there)", channel.port1)
                try states[there].connect("\(here)", channel.port2)
            }
            for index in 0..<30 {
                let text = states[index % 3].text("t")
                let count = text.utf16Count
                let start = Int.random(in: 0...count, using: &generator)
                let end = min(count, start + Int.random(in: 0...3, using: &generator))
                try text.replace(start..<end, with: ["a", "bc", "", "😀é"].randomElement(using: &generator) ?? "")
            }
        }
        // Whoever has the last edit of each of the three has all edits.
        let feeds = states.map { $0.text("t").edits }
        for (state, mark) in zip(states, ["1", "2", "3"]) { try state.text("t").insert(mark, at: 0) }
        // A time limit ends the test where edits that are told do not make the text.
        for (state, feed) in zip(states, feeds) {
            var string = feed.string
            for await edit in feed {
                edit.apply(to: &string)
                if string.count(where: \.isNumber) == 3, string == state.text("t").string { break }
            }
        }
        #expect(Set(states.map { $0.text("t").string }).count == 1)
        for await edit in edits {
            edit.apply(to: &told)
            if told == states[0].text("t").string { break }
        }
    }
}
