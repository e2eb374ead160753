import Testing

@testable import ConnectTo

/// Callers about whom the bus is asked, and who wait for its answer.
@Suite("Room for callers that nobody knows")
struct IdentitiesTests {
    @Test("one name has a good part, and then no more", arguments: [(20_000, 256), (1_000, 250)])
    func alone(descriptors: Int, expected: Int) {
        #expect(waiting(names: 1, descriptors: descriptors) == [expected])
    }

    @Test("whoever comes after three hundred that call without end has room")
    func newcomer() {
        let others = waiting(names: 300, descriptors: 20_000)
        #expect(others.last == 4)
        #expect(waiting(names: 301, descriptors: 20_000).last == 4)
    }

    @Test("all together have no more than there is", arguments: [(20_000, 4_096), (100, 50), (0, 0)])
    func bound(descriptors: Int, expected: Int) {
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
