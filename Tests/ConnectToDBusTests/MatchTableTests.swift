import Testing

@testable import ConnectToDBus

@Suite(.timeLimit(.minutes(1)))
struct MatchTableTests {
    private let log = Log<String>()

    private func note(_ name: String) -> MatchTable.Completion {
        { [log] result in
            if case .failure = result { log.add(name + " failed") } else { log.add(name) }
        }
    }

    private func ask(_ table: inout MatchTable, _ rule: String, _ name: String) -> Int? {
        if case .ask(let request) = table.add(rule, note(name)) { request } else { nil }
    }

    @Test("asks once, lets others wait, and counts")
    func counts() throws {
        var table = MatchTable()
        let request = try #require(ask(&table, "rule", "first"))
        guard case .wait = table.add("rule", note("second")) else { return #expect(Bool(false)) }
        for completion in table.settle("rule", request, isInForce: true) { completion(.success(())) }
        #expect(log.entries == ["first", "second"])
        guard case .inForce = table.add("rule", note("third")) else { return #expect(Bool(false)) }
        let toldTheBus = (1...4).map { _ in table.remove("rule") }
        #expect(toldTheBus == [false, false, true, false])
    }

    @Test("forgets a rule that the bus refused")
    func refused() throws {
        var table = MatchTable()
        let request = try #require(ask(&table, "rule", "first"))
        let told = table.settle("rule", request, isInForce: false)
        #expect(told.count == 1)
        let again = ask(&table, "rule", "again")
        #expect(again != nil)
    }

    @Test("keeps apart two requests for a rule that was dropped in between")
    func generations() throws {
        var table = MatchTable()
        let first = try #require(ask(&table, "rule", "first"))
        let toldTheBus = table.remove("rule")
        #expect(toldTheBus)
        let second = try #require(ask(&table, "rule", "second"))
        let firstTold = table.settle("rule", first, isInForce: false)
        #expect(firstTold.count == 1)
        guard case .wait = table.add("rule", note("third")) else { return #expect(Bool(false)) }
        let secondTold = table.settle("rule", second, isInForce: true)
        #expect(secondTold.count == 2)
    }

    @Test("tells rules apart by their bytes, not as text")
    func bytes() {
        var table = MatchTable()
        let composed = ask(&table, "arg0='\u{E9}'", "composed")
        let decomposed = ask(&table, "arg0='e\u{301}'", "decomposed")
        #expect(composed != nil)
        #expect(decomposed != nil)
    }
}
