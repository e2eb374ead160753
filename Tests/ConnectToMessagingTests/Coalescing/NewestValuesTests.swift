import Testing

@testable import ConnectToMessaging

@Suite("The newest values of keys")
struct NewestValuesTests {
    @Test("A newer value takes the place of one that waits, and its key keeps its turn")
    func replaces() {
        var values = NewestValues<Int>()
        let starts = [values.post(1, key: "a"), values.post(2, key: "b"), values.post(3, key: "a")]
        #expect(starts == [true, true, false])
        let turns = [values.next(), values.next(), values.next()]
        #expect(turns.map { $0?.value } == [3, 2, nil])
        #expect(turns.map { $0?.number } == [3, 2, nil])
    }

    @Test("A key whose value is being sent gets no second turn before that is done, and then stands behind the others")
    func oneAtATime() {
        var values = NewestValues<Int>()
        _ = values.post(1, key: "a")
        let first = values.next()
        let starts = [values.post(2, key: "a"), values.post(3, key: "b")]
        #expect(starts == [false, true])
        let second = values.next()
        values.sent("a")
        let third = values.next()
        #expect([first, second, third].map { $0?.value } == [1, 3, 2])
        values.sent("a")
        values.sent("b")
        let end = values.next()
        #expect(end == nil)
        #expect(values.numbers.isEmpty)
    }

    @Test("At most sixteen senders run, and one starts again when it has ended")
    func senders() {
        var values = NewestValues<Int>()
        var started = 0
        for number in 0..<100 where values.post(number, key: "\(number)") { started += 1 }
        #expect(started == NewestValues<Int>.sendersLimit)
        var sent = 0
        while let (key, _, _) = values.next() {
            values.sent(key)
            sent += 1
        }
        #expect(sent == 100)
        let starts = [values.post(1, key: "a"), values.post(2, key: "b")]
        #expect(starts == [true, false])
    }
}
