import Testing

@testable import ConnectToMessaging

@Suite("Calls made")
struct CallsMadeTests {
    @Test("A caller has one place until the other side's hello has come, and then as many as it says in all")
    func placesOfHello() throws {
        var calls = CallsMade<String>()
        #expect(calls.places == 1)
        #expect(calls.begin("first", wantsMany: false) == 1)
        #expect(calls.places == 0)
        try calls.hello(places: 3)
        #expect(calls.places == 2)
        #expect(calls.begin("second", wantsMany: false) == 2)
    }

    @Test("Requests end with their own answers, in whatever order these come, and give their places back")
    func answersInAnyOrder() throws {
        var calls = CallsMade<String>()
        try calls.hello(places: 2)
        let a = calls.begin("a", wantsMany: false)
        let b = calls.begin("b", wantsMany: false)
        #expect(calls.places == 0)
        #expect(try calls.answer(b, keepsPlace: false) == "b")
        #expect(try calls.answer(a, keepsPlace: false) == "a")
        #expect(calls.places == 2)
        #expect(calls.isEmpty)
    }

    @Test("A caller gets no place back with an answer that keeps it")
    func placeKept() throws {
        var calls = CallsMade<String>()
        let id = calls.begin("a", wantsMany: false)
        try calls.grantPlaces(1)
        #expect(calls.places == 1)
        _ = try calls.answer(id, keepsPlace: true)
        #expect(calls.places == 1)
    }

    @Test("A late answer to a request that was given up is dropped and returns the place")
    func lateAnswer() throws {
        var calls = CallsMade<String>()
        let id = calls.begin("a", wantsMany: false)
        #expect(calls.giveUp(id) == "a")
        #expect(calls.giveUp(id) == nil)
        #expect(calls.places == 0)
        #expect(try calls.answer(id, keepsPlace: false) == nil)
        #expect(calls.places == 1)
    }

    @Test("An answer to no request, and a second answer, break the protocol")
    func answerTwice() throws {
        var calls = CallsMade<String>()
        #expect(throws: ProtocolViolation.self) { try calls.answer(1, keepsPlace: false) }
        let id = calls.begin("a", wantsMany: false)
        _ = try calls.answer(id, keepsPlace: false)
        #expect(throws: ProtocolViolation.self) { try calls.answer(id, keepsPlace: false) }
        #expect(throws: ProtocolViolation.self) { try calls.element(id) }
    }

    @Test("A stream takes sixteen elements, and more when they are granted")
    func elementsOfAStream() throws {
        var calls = CallsMade<String>()
        let id = calls.begin("stream", wantsMany: true)
        for _ in 0..<16 { #expect(try calls.element(id) == "stream") }
        #expect(throws: ProtocolViolation.self) { try calls.element(id) }
        #expect(calls.grantElements(8, of: id) == true)
        for _ in 0..<8 { #expect(try calls.element(id) == "stream") }
        #expect(throws: ProtocolViolation.self) { try calls.element(id) }
        #expect(try calls.answer(id, keepsPlace: false) == "stream")
        #expect(calls.grantElements(8, of: id) == false)
    }

    @Test("A stream that was given up drops its elements, and is granted no more")
    func elementsAfterGivingUp() throws {
        var calls = CallsMade<String>()
        let id = calls.begin("stream", wantsMany: true)
        _ = calls.giveUp(id)
        #expect(try calls.element(id) == nil)
        #expect(calls.grantElements(8, of: id) == false)
        #expect(try calls.answer(id, keepsPlace: false) == nil)
    }

    @Test("An element for a request of one answer breaks the protocol")
    func elementOfAPlainRequest() throws {
        var calls = CallsMade<String>()
        let id = calls.begin("a", wantsMany: false)
        #expect(throws: ProtocolViolation.self) { try calls.element(id) }
    }

    @Test("All requests that wait end with the line, once, in the order of their sending")
    func endOfTheLine() throws {
        var calls = CallsMade<String>()
        try calls.hello(places: 4)
        for name in ["a", "b", "c", "d"] { _ = calls.begin(name, wantsMany: false) }
        _ = calls.giveUp(2)
        _ = try calls.answer(3, keepsPlace: false)
        #expect(calls.end() == ["a", "d"])
        #expect(calls.end() == [])
    }

    @Test("Grants of more than 2^31 places break the protocol")
    func tooManyPlaces() throws {
        var calls = CallsMade<String>()
        try calls.hello(places: UInt32(Int32.max))
        #expect(throws: ProtocolViolation.self) { try calls.grantPlaces(1) }
        _ = calls.begin("a", wantsMany: false)
        #expect(throws: ProtocolViolation.self) { try calls.grantPlaces(1) }
    }
}
