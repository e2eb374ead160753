import Testing

@testable import ConnectToMessaging

@Suite("The table of requests by their ids")
struct RequestTableTests {
    @Test("Requests are found, changed and removed by ids with gaps, in any order")
    func gaps() {
        var table = RequestTable<Int>()
        let ids: [UInt64] = [1, 2, 5, 9, 1_000, .max]
        for id in ids { table.append(Int(truncatingIfNeeded: id), id: id) }
        for id in ids { #expect(table[id] == Int(truncatingIfNeeded: id)) }
        for id: UInt64 in [0, 3, 8, 10, 999, .max - 1] {
            #expect(table[id] == nil)
            #expect(table.remove(id) == nil)
            #expect(table.update(id) { $0 += 1 } == nil)
        }
        table.update(5) { $0 = 50 }
        #expect(table[5] == 50)
        #expect(table.remove(9) == 9)
        #expect(table.remove(9) == nil)
        #expect(table.update(9) { $0 += 1 } == nil)
        #expect(table.remove(1) == 1)
        #expect(table.remove(2) == 2)
        #expect(Array(table.requests) == [50, 1_000, -1])
        #expect(table.count == 3)
        #expect(table.gaps == 1)
        // The first one, and the gap behind it.
        #expect(table.remove(5) == 50)
        #expect(table.gaps == 0)
        #expect(table.removeAll() == [1_000, -1])
        #expect(table.count == 0)
    }

    @Test("One request that stays does not keep the gaps of a million that have come and gone behind it")
    func compaction() {
        var table = RequestTable<Int>()
        table.append(1, id: 1)
        for id: UInt64 in 2...20_000 {
            table.append(0, id: id)
            #expect(table.remove(id) == 0)
        }
        #expect(table.gaps <= 65)
        #expect(table[1] == 1)
    }

    @Test("Whatever comes and goes, the table holds what a dictionary holds")
    func dictionary() {
        var table = RequestTable<UInt64>()
        var expected: [UInt64: UInt64] = [:]
        var random = SystemRandomNumberGenerator()
        var last: UInt64 = 0
        for _ in 0..<20_000 {
            if Bool.random(using: &random) {
                last += UInt64.random(in: 1...3, using: &random)
                table.append(last, id: last)
                expected[last] = last
            } else {
                let id = UInt64.random(in: (last < 200 ? 0 : last - 200)...last, using: &random)
                #expect(table.remove(id) == expected.removeValue(forKey: id))
            }
        }
        #expect(Array(table.requests) == expected.keys.sorted())
        #expect(table.count == expected.count)
    }
}
