import Testing

@testable import ConnectToState

@Suite("What replicas say of themselves")
struct PresenceTableTests {
    @Test("A peer may say that this replica is gone with the greatest number there is: the state lives on")
    func greatestNumber() throws {
        let own = ReplicaID(1)
        for number: UInt64 in [.max - 1, .max] {
            var table = PresenceTable()
            _ = table.set("cursor", to: 1, of: own)
            let lie = PresenceMessage(gone: [.init(own, number, nil)])
            #expect(try table.receive(lie, from: 1, own: own).answer.present.first?.number == .max)
            #expect(table.set("cursor", to: 2, of: own).present.first?.number == .max)
            #expect(table.values(of: own) == ["cursor": 2])
        }
    }
}
