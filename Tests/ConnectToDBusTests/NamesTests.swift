import ConnectToDBus
import Testing

@Suite(.timeLimit(.minutes(1)))
struct NamesTests {
    @Test(
        "The specification's well-known names are accepted",
        arguments: [
            "org.example", "a.b", "org.example.App-1", "_a._b", "-a.b", "org.example.Context.the_2dlistener",
        ])
    func wellKnownNames(name: String) {
        #expect(Names.isWellKnownBusName(name))
        #expect(Names.isBusName(name))
        #expect(!Names.isUniqueBusName(name))
    }

    @Test(
        "Names that are not well-known bus names are refused",
        arguments: [
            "", "org", ".org.example", "org.example.", "org..example", "org.1example", "org.exämple",
            "org. a",
            "org.a\0b", "org/example", ":1.1", "org.example\n",
        ])
    func notWellKnownNames(name: String) {
        #expect(!Names.isWellKnownBusName(name))
    }

    @Test("Unique names are accepted, also with elements that begin with digits")
    func uniqueNames() {
        #expect(Names.isUniqueBusName(":1.42"))
        #expect(Names.isBusName(":1.42"))
        for name in ["", ":", ":1", ":1.", "1.42", ":1..2", ":.1"] { #expect(!Names.isUniqueBusName(name)) }
    }

    @Test("Bus names, interfaces and members are limited to 255 bytes")
    func lengthLimit() {
        let longest = "a." + String(repeating: "b", count: 253)
        #expect(Names.isWellKnownBusName(longest))
        #expect(!Names.isWellKnownBusName(longest + "b"))
        #expect(Names.isInterface(longest))
        #expect(!Names.isInterface(longest + "b"))
        #expect(Names.isMember(String(repeating: "m", count: 255)))
        #expect(!Names.isMember(String(repeating: "m", count: 256)))
    }

    @Test("Valid interface and member names are accepted, and others refused")
    func interfacesAndMembers() {
        #expect(Names.isInterface("org.freedesktop.DBus"))
        for name in ["org", "org.a-b", "org.1a", "", "org.", "org.a b"] { #expect(!Names.isInterface(name)) }
        #expect(Names.isMember("Connect_1"))
        for name in ["", "1a", "a.b", "a-b", "ä"] { #expect(!Names.isMember(name)) }
    }

    @Test("Object paths of any length are accepted, and those with an empty element refused")
    func objectPaths() {
        for path in ["/", "/a", "/a/b_1/2", "/" + String(repeating: "x", count: 1000)] {
            #expect(Names.isObjectPath(path))
        }
        for path in ["", "a", "//", "/a/", "/a//b", "/a-b", "/ä", "/a\0"] {
            #expect(!Names.isObjectPath(path))
        }
    }
}
