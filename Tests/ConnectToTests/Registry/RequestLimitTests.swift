import Testing

@testable import ConnectTo

@Suite("The limit of concurrent requests")
struct RequestLimitTests {
    @Test("A limit starts as many requests at once as it allows, and the others in their order as those end")
    func limitStartsRequestsInOrder() {
        var limit = RequestLimit(of: 2)
        let begun = Begun()
        for number in 0..<5 { limit.begin { begun.numbers.append(number) } }
        #expect(begun.numbers == [0, 1])
        limit.didEnd()
        #expect(begun.numbers == [0, 1, 2])
        for _ in 0..<4 { limit.didEnd() }
        #expect(begun.numbers == [0, 1, 2, 3, 4])
        limit.begin { begun.numbers.append(5) }
        limit.begin { begun.numbers.append(6) }
        limit.begin { begun.numbers.append(7) }
        #expect(begun.numbers == [0, 1, 2, 3, 4, 5, 6])
    }

    private final class Begun {
        var numbers: [Int] = []
    }
}
