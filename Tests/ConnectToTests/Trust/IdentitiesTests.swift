import Testing

@testable import ConnectTo

/// Callers about whom the bus is asked, and who wait for its answer.
@Suite("The room for callers that the listener does not know yet")
struct IdentitiesTests {
    @Test(
        "One unknown name gets a good part of the room for unknown callers, and no more",
        arguments: [(20_000, 256), (1_000, 250)])
    func oneNameGetsAPart(descriptors: Int, expected: Int) {
        #expect(waiting(names: 1, descriptors: descriptors) == [expected])
    }

    @Test("A new unknown caller has room beside three hundred that call without end")
    func newcomerHasRoom() {
        let others = waiting(names: 300, descriptors: 20_000)
        #expect(others.last == 4)
        #expect(waiting(names: 301, descriptors: 20_000).last == 4)
    }

    @Test(
        "All unknown callers together have no more room than there is", arguments: [(20_000, 4_096), (100, 50), (0, 0)])
    func roomOfAllIsBounded(descriptors: Int, expected: Int) {
        #expect(waiting(names: 5_000, descriptors: descriptors).reduce(0, +) == expected)
    }

    /// How many wait of each, when one after the other calls as often as it may.
    private func waiting(names: Int, descriptors: Int) -> [Int] {
        var all = 0
        return (0..<names).map { _ in
            var own = 0
            while Identities.hasRoom(whereItsOwnAre: own, andAllAre: all, descriptors: descriptors) {
                own += 1
                all += 1
            }
            return own
        }
    }
}
