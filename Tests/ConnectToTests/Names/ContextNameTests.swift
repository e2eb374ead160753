import Testing

@testable import ConnectTo

@Suite("The name of a context", .timeLimit(.minutes(1)))
struct ContextNameTests {
    @Test(
        "A context's bus name and object path are those of the protocol's table",
        arguments: [
            (
                "org.connectto", "the-listener", "org.connectto.Context.the_2dlistener",
                "/org/connectto/Context/the_2dlistener"
            ),
            (
                "org.example.My-App", "7up", "org.example.My-App.Context._37up",
                "/org/example/My_2dApp/Context/_37up"
            ),
            (
                "org.example.my_app", "x", "org.example.my_app.Context.x",
                "/org/example/my_5fapp/Context/x"
            ),
        ])
    func busNameAndPathMatchProtocol(origin: String, name: String, busName: String, path: String) throws {
        let context = try ContextName(name, origin: origin)
        #expect(context.busName == busName)
        #expect(context.objectPath == path)
        let back = try #require(ContextName(busName: busName))
        #expect(back == context)
        #expect(back.name == name)
        #expect(back.origin == origin)
        #expect(back.objectPath == path)
    }

    @Test("A bus name is split into origin and name from the right")
    func busNameIsSplitFromRight() throws {
        let context = try #require(ContextName(busName: "a.b.Context.c.Context.d"))
        #expect(context.name == "d")
        #expect(context.origin == "a.b.Context.c")
    }

    @Test(
        "Bus names that are not of a context are skipped",
        arguments: [
            ":1.7", "org.freedesktop.DBus", "org.connectto.Context", "org.connectto.Context.",
            "org.connectto.Context._41", "org.connectto.context.x", "org.connectto.XContext.x",
            "org.Context.x", "Context.x", ".Context.x", "x", "", "org..Context.x", "org.7.Context.x",
            "org.connectto.Context.a-b", "org.connectto.Context.x.y",
            "org.connectto.Context." + String(repeating: "a", count: 234),
        ])
    func foreignBusNamesAreSkipped(busName: String) {
        #expect(ContextName(busName: busName) == nil)
    }

    @Test("Two hundred bytes of anything make a context name, if they fit when they are escaped")
    func twoHundredBytesMakeAName() throws {
        let strange = "/.-:_ \t\n\0é"
        let name = strange + String(repeating: "a", count: 200 - strange.utf8.count)
        #expect(name.utf8.count == 200)
        let context = try ContextName(name)
        let back = try #require(ContextName(busName: context.busName))
        #expect(Array(back.name.utf8) == Array(name.utf8))
    }

    @Test("The longest context name fits, and one byte more is an error that names the limit")
    func longestNameFits() throws {
        let longest = String(repeating: "x", count: 233)
        #expect(try ContextName(longest).busName.utf8.count == 255)
        let error = #expect(throws: ConnectToError.self) { try ContextName(longest + "x") }
        #expect(error?.code == .invalidName)
        #expect(error?.message.contains("233") == true)
        #expect(error?.message.contains("234") == true)
        // Each of these takes three bytes: 77 of them fit.
        #expect(throws: Never.self) { try ContextName(String(repeating: "-", count: 77)) }
        let dashes = #expect(throws: ConnectToError.self) {
            try ContextName(String(repeating: "-", count: 78))
        }
        #expect(dashes?.message.contains("234") == true)
    }

    @Test("An empty context name is invalid")
    func emptyNameIsInvalid() {
        let error = #expect(throws: ConnectToError.self) { try ContextName("") }
        #expect(error?.code == .invalidName)
    }

    @Test(
        "An origin has two elements or more, each of letters, digits, - and _, not beginning with a digit",
        arguments: [
            "", "org", "org.", ".org", "org..x", "org.7x", "7.x", "org.ex ample", "org.exämple", "org.x\0",
            "org/x",
        ])
    func invalidOriginIsRefused(origin: String) {
        let error = #expect(throws: ConnectToError.self) { try ContextName("x", origin: origin) }
        #expect(error?.code == .invalidName)
    }

    @Test(
        "The object path of a context leads back to its bus name",
        arguments: [
            ("the-listener", "org.connectto", "/org/connectto/Context/the_2dlistener"),
            ("x", "org.an-example._1", "/org/an_2dexample/_5f1/Context/x"),
            ("7_\n", "a.b", "/a/b/Context/_37_5f_0a"),
        ])
    func objectPathLeadsToBusName(name: String, origin: String, path: String) throws {
        let context = try ContextName(name, origin: origin)
        #expect(context.objectPath == path)
        #expect(ContextName.busName(ofObjectAt: path) == context.busName)
        #expect(context.name == name && context.origin == origin)
    }

    @Test(
        "A path that is not a context's leads to no bus name",
        arguments: ["/", "", "/org/_78/Context/x", "/org/a_5/Context/x", "/org/a_/x", "/_"])
    func otherPathLeadsToNoBusName(path: String) throws {
        let busName = ContextName.busName(ofObjectAt: path)
        #expect(busName.flatMap(ContextName.init(busName:)) == nil)
    }

    @Test("Context names that look alike and have other bytes are two names")
    func namesAreNotNormalized() throws {
        let composed = try ContextName("caf\u{e9}")
        let decomposed = try ContextName("cafe\u{301}")
        #expect(composed != decomposed)
        #expect(composed.busName != decomposed.busName)
        #expect(Set([composed, decomposed]).count == 2)
    }

    @Test("Context names differ by their origins and bytes, and nothing else")
    func namesDifferByOriginAndBytes() throws {
        #expect(try ContextName("x") == ContextName("x", origin: "org.connectto"))
        #expect(try ContextName("x") != ContextName("x", origin: "org.example"))
        #expect(try ContextName("x") != ContextName("X"))
        #expect(try ContextName("x").hashValue == ContextName("x").hashValue)
    }
}
