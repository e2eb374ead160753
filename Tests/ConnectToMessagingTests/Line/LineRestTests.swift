import Testing

@testable import ConnectToMessaging

@Suite("Rest of a line")
struct LineRestTests {
    @Test("A side that wants a rest has it when the other side has agreed, and until it takes the wish back")
    func agreed() throws {
        var rest = LineRest()
        #expect(!rest.isAgreed)
        rest.want()
        #expect(!rest.isAgreed)
        #expect(try rest.receive(.agreed) == false)
        #expect(rest.isAgreed)
        rest.takeBack()
        #expect(!rest.isAgreed)
    }

    @Test("An agreement to a wish that was taken back is not one to the next")
    func lateAgreement() throws {
        var rest = LineRest()
        rest.want()
        rest.takeBack()
        rest.want()
        _ = try rest.receive(.agreed)
        #expect(!rest.isAgreed)
        _ = try rest.receive(.agreed)
        #expect(rest.isAgreed)
    }

    @Test("A side agrees to the other's rest, and is held until that is over or the other end's new owner says hello")
    func held() throws {
        var rest = LineRest()
        #expect(try rest.receive(.wanted) == true)
        #expect(rest.isHeld)
        #expect(try rest.receive(.over) == false)
        #expect(!rest.isHeld)
        _ = try rest.receive(.wanted)
        #expect(try rest.begin() == false)
        #expect(!rest.isHeld)
    }

    @Test("A new owner of the other end is asked again for a rest that this side wants")
    func newOwner() throws {
        var rest = LineRest()
        rest.want()
        _ = try rest.receive(.wanted)
        _ = try rest.receive(.agreed)
        #expect(try rest.begin() == true)
        #expect(!rest.isAgreed)
        _ = try rest.receive(.agreed)
        #expect(rest.isAgreed)
    }

    @Test("A second rest, an agreement to nothing, an end of nothing and a second hello break the protocol")
    func violations() throws {
        var rest = LineRest()
        #expect(throws: ProtocolViolation.self) { try rest.receive(.agreed) }
        #expect(throws: ProtocolViolation.self) { try rest.receive(.over) }
        #expect(throws: ProtocolViolation.self) { try rest.begin() }
        _ = try rest.receive(.wanted)
        #expect(throws: ProtocolViolation.self) { try rest.receive(.wanted) }
    }
}
