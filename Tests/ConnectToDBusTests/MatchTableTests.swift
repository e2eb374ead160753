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

    @Test("A match table requests a rule once, lets other users wait, and counts them")
    func countsUsers() throws {
        var table = MatchTable()
        let request = try #require(ask(&table, "rule", "first"))
        guard case .wait = table.add("rule", note("second")) else { return #expect(Bool(false)) }
        for completion in table.finish("rule", request, isInForce: true) { completion(.success(())) }
        #expect(log.entries == ["first", "second"])
        guard case .inForce = table.add("rule", note("third")) else { return #expect(Bool(false)) }
        let needsRemoveMatch = (1...4).map { _ in table.remove("rule") }
        #expect(needsRemoveMatch == [false, false, true, false])
    }

    @Test("A match table forgets a rule that the bus refused")
    func forgetsRefusedRule() throws {
        var table = MatchTable()
        let request = try #require(ask(&table, "rule", "first"))
        let completions = table.finish("rule", request, isInForce: false)
        #expect(completions.count == 1)
        let again = ask(&table, "rule", "again")
        #expect(again != nil)
    }

    @Test("A match table tells apart two requests for a rule that was removed in between")
    func ruleRemovedDuringRequest() throws {
        var table = MatchTable()
        let first = try #require(ask(&table, "rule", "first"))
        let needsRemoveMatch = table.remove("rule")
        #expect(needsRemoveMatch)
        let second = try #require(ask(&table, "rule", "second"))
        let ofFirst = table.finish("rule", first, isInForce: false)
        #expect(ofFirst.count == 1)
        guard case .wait = table.add("rule", note("third")) else { return #expect(Bool(false)) }
        let ofSecond = table.finish("rule", second, isInForce: true)
        #expect(ofSecond.count == 2)
    }

    @Test("A match table compares rules by their bytes, and not as Unicode text")
    func comparesBytes() {
        var table = MatchTable()
        let composed = ask(&table, "arg0='\u{E9}'", "composed")
        let decomposed = ask(&table, "arg0='e\u{301}'", "decomposed")
        #expect(composed != nil)
        #expect(decomposed != nil)
    }
}
