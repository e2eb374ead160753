import Testing

@testable import ConnectToMessaging

@Suite("Calls served")
struct CallsServedTests {
    @Test("A request beyond the places that were granted breaks the protocol")
    func beyondThePlaces() throws {
        var calls = CallsServed<String>(places: 2)
        try calls.begin(1, wantsMany: false)
        try calls.begin(2, wantsMany: false)
        #expect(throws: ProtocolViolation.self) { try calls.begin(3, wantsMany: false) }
        #expect(calls.answer(1) != nil)
        try calls.begin(4, wantsMany: false)
    }

    @Test("A request whose id does not grow breaks the protocol")
    func idsThatDoNotGrow() throws {
        var calls = CallsServed<String>(places: 8)
        try calls.begin(5, wantsMany: false)
        #expect(throws: ProtocolViolation.self) { try calls.begin(5, wantsMany: false) }
        #expect(throws: ProtocolViolation.self) { try calls.begin(4, wantsMany: false) }
        try calls.begin(100, wantsMany: false)
    }

    @Test("A request is answered once")
    func answeredOnce() throws {
        var calls = CallsServed<String>(places: 1)
        try calls.begin(1, wantsMany: false)
        #expect(calls.answer(1)?.keepsPlace == false)
        #expect(calls.answer(1) == nil)
    }

    @Test("A request gives its place back when its handler waits for an answer of its own, once")
    func handlerThatWaits() throws {
        var calls = CallsServed<String>(places: 1)
        try calls.begin(1, wantsMany: false)
        #expect(calls.givePlaceBack(1) == true)
        #expect(calls.givePlaceBack(1) == false)
        try calls.begin(2, wantsMany: false)
        #expect(calls.answer(1)?.keepsPlace == true)
        #expect(throws: ProtocolViolation.self) { try calls.begin(3, wantsMany: false) }
        #expect(calls.answer(2)?.keepsPlace == false)
        try calls.begin(3, wantsMany: false)
    }

    @Test("At most 1,024 waiting handlers give their places back, so that a peer cannot pile them up")
    func tooManyHandlersThatWait() throws {
        var calls = CallsServed<String>(places: 1)
        for id in 1...UInt64(CallsServed<String>.waitingLimit) {
            try calls.begin(id, wantsMany: false)
            #expect(calls.givePlaceBack(id) == true)
        }
        let last = UInt64(CallsServed<String>.waitingLimit) + 1
        try calls.begin(last, wantsMany: false)
        #expect(calls.givePlaceBack(last) == false)
        #expect(throws: ProtocolViolation.self) { try calls.begin(last + 1, wantsMany: false) }
        #expect(calls.answer(1)?.keepsPlace == true)
        #expect(calls.givePlaceBack(last) == true)
    }

    @Test("A request that is cancelled before its handler starts does not start it")
    func cancelledBeforeTheStart() throws {
        var calls = CallsServed<String>(places: 1)
        try calls.begin(1, wantsMany: false)
        #expect(try calls.cancel(1) == nil)
        #expect(calls.started(1, "handler") == false)
        #expect(calls.isCancelled(1))
        #expect(calls.answer(1) != nil)
    }

    @Test("A request that is cancelled later names its handler, and is still answered")
    func cancelledLater() throws {
        var calls = CallsServed<String>(places: 1)
        try calls.begin(1, wantsMany: false)
        #expect(calls.started(1, "handler") == true)
        #expect(try calls.cancel(1) == "handler")
        #expect(calls.answer(1) != nil)
        #expect(try calls.cancel(1) == nil)
    }

    @Test("A cancel or grant for an id that was never sent breaks the protocol")
    func cancelOfNothing() throws {
        var calls = CallsServed<String>(places: 1)
        try calls.begin(7, wantsMany: true)
        #expect(throws: ProtocolViolation.self) { try calls.cancel(8) }
        #expect(throws: ProtocolViolation.self) { try calls.grantElements(1, of: 8) }
        #expect(try calls.cancel(3) == nil)
        #expect(try calls.grantElements(1, of: 3) == nil)
    }

    @Test("A served stream sends sixteen elements, waits, and goes on when more are granted")
    func windowOfAStream() throws {
        var calls = CallsServed<String>(places: 1)
        try calls.begin(1, wantsMany: true)
        #expect(calls.started(1, "handler") == true)
        for _ in 0..<16 { #expect(calls.sendElement(1) == .send) }
        #expect(calls.sendElement(1) == .wait)
        #expect(try calls.grantElements(1, of: 1) == "handler")
        #expect(calls.sendElement(1) == .send)
        #expect(calls.sendElement(1) == .wait)
        _ = try calls.cancel(1)
        #expect(calls.sendElement(1) == .ended)
    }

    @Test("A request of one answer sends no elements, and a grant of some breaks the protocol")
    func elementsOfAPlainRequest() throws {
        var calls = CallsServed<String>(places: 1)
        try calls.begin(1, wantsMany: false)
        #expect(calls.sendElement(1) == .ended)
        #expect(throws: ProtocolViolation.self) { try calls.grantElements(1, of: 1) }
    }

    @Test("Grants of more than 2^31 elements break the protocol")
    func tooManyElements() throws {
        var calls = CallsServed<String>(places: 1)
        try calls.begin(1, wantsMany: true)
        #expect(throws: ProtocolViolation.self) { try calls.grantElements(.max, of: 1) }
    }

    @Test("All served requests end with the line: each handler is named once, and nothing is left to answer")
    func endOfTheLine() throws {
        var calls = CallsServed<String>(places: 3)
        for id in 1...3 as ClosedRange<UInt64> { try calls.begin(id, wantsMany: false) }
        _ = calls.started(1, "a")
        _ = calls.started(3, "c")
        #expect(calls.end() == ["a", "c"])
        #expect(calls.answer(1) == nil)
        #expect(calls.end() == [])
    }

    @Test("A new owner of the other end begins with new ids, and nothing said of old requests means its own")
    func newOwner() throws {
        var calls = CallsServed<String>(places: 2)
        let old = try calls.begin(7, wantsMany: true)
        #expect(calls.answer(old) != nil)
        calls.restart(places: 2)
        // The same id as before.
        let new = try calls.begin(7, wantsMany: true)
        #expect(new != old)
        #expect(calls.started(new, "new") == true)
        #expect(calls.answer(old) == nil)
        #expect(try calls.cancel(7) == "new")
        #expect(calls.isCancelled(new))
        #expect(throws: ProtocolViolation.self) { try calls.cancel(8) }
    }
}
