import ConnectTo
import Testing

@testable import ConnectToMessaging

@Suite("The roster of a hub")
struct RosterTests {
    private var roster = Roster<Int>()

    @discardableResult
    private mutating func add(_ id: String?) throws -> HubPeer {
        try roster.add(id, identity: nil) { _ in 0 }.peer
    }

    /// Why a peer of this id is not added.
    private mutating func refusal(of id: String) throws -> HubError.Code? {
        do throws(HubError) {
            _ = try roster.add(id, identity: nil) { _ in 0 }
            return nil
        } catch {
            return error.code
        }
    }

    @Test("Peers without an id are counted, around the ids that are taken")
    mutating func counting() throws {
        try add("2")
        let ids = try [add(nil), add(nil), add(nil)].map(\.id)
        #expect(ids == ["1", "3", "4"])
        #expect(roster.spokes.map(\.peer.id) == ["2", "1", "3", "4"])
    }

    @Test("An id that is taken is refused until its peer is gone, and the next peer of that id is another")
    mutating func takenID() throws {
        let first = try add("widget")
        #expect(try refusal(of: "widget") == .idTaken)
        #expect(roster.remove(first.serial)?.peer == first)
        #expect(roster["widget"] == nil)
        let second = try add("widget")
        #expect(first != second)
        #expect(first.id == second.id)
    }

    @Test("A late end of an earlier peer does not remove the next one of its id")
    mutating func removedOnce() throws {
        let first = try add("widget")
        _ = roster.remove(first.serial)
        let second = try add("widget")
        #expect(roster.remove(first.serial) == nil)
        #expect(roster["widget"]?.peer == second)
    }

    @Test(
        "An id of 1 to 100 bytes without a slash is valid, and no other",
        arguments: [
            ("", false), ("a/b", false), ("ä", true), (String(repeating: "x", count: 100), true),
            (String(repeating: "x", count: 101), false), (String(repeating: "ä", count: 51), false),
        ])
    mutating func validity(id: String, isValid: Bool) throws {
        if isValid {
            try add(id)
        } else {
            #expect(try refusal(of: id) == .invalidID)
        }
    }

    @Test("Peers stay in the order of their coming, whichever of them go")
    mutating func order() throws {
        var left: [HubPeer] = []
        for number in 0..<100 { left.append(try add("\(number)")) }
        for index in [99, 0, 50, 20, 70] { _ = roster.remove(left.remove(at: index < left.count ? index : 0).serial) }
        #expect(roster.spokes.map(\.peer) == left)
    }
}
