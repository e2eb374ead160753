import ConnectToDBus
import Testing

@Suite(.timeLimit(.minutes(1)))
struct NamesTests {
    @Test(
        "takes well-known names as the specification has them",
        arguments: [
            "org.example", "a.b", "org.example.App-1", "_a._b", "-a.b", "org.example.Context.the_2dlistener",
        ])
    func wellKnown(name: String) {
        #expect(Names.isWellKnownBusName(name))
        #expect(Names.isBusName(name))
        #expect(!Names.isUniqueBusName(name))
    }

    @Test(
        "refuses what is not a well-known name",
        arguments: [
            "", "org", ".org.example", "org.example.", "org..example", "org.1example", "org.exämple",
            "org. a",
            "org.a\0b", "org/example", ":1.1", "org.example\n",
        ])
    func notWellKnown(name: String) {
        #expect(!Names.isWellKnownBusName(name))
    }

    @Test("takes unique names, whose elements may begin with digits")
    func unique() {
        #expect(Names.isUniqueBusName(":1.42"))
        #expect(Names.isBusName(":1.42"))
        for name in ["", ":", ":1", ":1.", "1.42", ":1..2", ":.1"] { #expect(!Names.isUniqueBusName(name)) }
    }

    @Test("holds names to 255 bytes")
    func length() {
        let longest = "a." + String(repeating: "b", count: 253)
        #expect(Names.isWellKnownBusName(longest))
        #expect(!Names.isWellKnownBusName(longest + "b"))
        #expect(Names.isInterface(longest))
        #expect(!Names.isInterface(longest + "b"))
        #expect(Names.isMember(String(repeating: "m", count: 255)))
        #expect(!Names.isMember(String(repeating: "m", count: 256)))
    }

    @Test("tells interfaces and members from what only looks like them")
    func interfacesAndMembers() {
        #expect(Names.isInterface("org.freedesktop.DBus"))
        for name in ["org", "org.a-b", "org.1a", "", "org.", "org.a b"] { #expect(!Names.isInterface(name)) }
        #expect(Names.isMember("Connect_1"))
        for name in ["", "1a", "a.b", "a-b", "ä"] { #expect(!Names.isMember(name)) }
    }

    @Test("takes object paths of any length, and nothing with an empty element")
    func objectPaths() {
        for path in ["/", "/a", "/a/b_1/2", "/" + String(repeating: "x", count: 1000)] {
            #expect(Names.isObjectPath(path))
        }
        for path in ["", "a", "//", "/a/", "/a//b", "/a-b", "/ä", "/a\0"] {
            #expect(!Names.isObjectPath(path))
        }
    }
}
