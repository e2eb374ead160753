import Testing

@testable import ConnectTo

@Suite("The escaping of context names", .timeLimit(.minutes(1)))
struct EscapingTests {
    /// The table of `dbus/PROTOCOL.md`, "Names".
    static let table: [(name: String, escaped: String)] = [
        ("clock", "clock"),
        ("the-listener", "the_2dlistener"),
        ("-x", "_2dx"),
        ("7up", "_37up"),
        ("up7", "up7"),
        ("_", "_5f"),
        ("a.b/c:d", "a_2eb_2fc_3ad"),
        ("two words", "two_20words"),
        ("\u{e9}", "_c3_a9"),
        ("e\u{301}", "e_cc_81"),
        ("日本", "_e6_97_a5_e6_9c_ac"),
        ("\0", "_00"),
        ("a\nb", "a_0ab"),
    ]

    @Test("Escaping a name matches the protocol's table", arguments: table)
    func escapingMatchesProtocol(name: String, escaped: String) {
        #expect(Escaping.escape(name) == escaped)
    }

    @Test("Unescaping returns the bytes of the name", arguments: table)
    func unescapingReturnsSameBytes(name: String, escaped: String) throws {
        let back = try #require(Escaping.unescape(escaped))
        #expect(Array(back.utf8) == Array(name.utf8))
    }

    @Test("Every ASCII character can be escaped, at the beginning of a name and within it", arguments: UInt8(0)..<128)
    func everyASCIICharacterIsEscapable(byte: UInt8) throws {
        let character = String(UnicodeScalar(byte))
        for name in [character, "a" + character, character + character] {
            let escaped = Escaping.escape(name)
            #expect(escaped.utf8.allSatisfy { Escaping.isAlphanumeric($0) || $0 == UInt8(ascii: "_") })
            #expect(escaped.utf8.first.map(Escaping.isDigit) == false)
            let back = try #require(Escaping.unescape(escaped))
            #expect(Array(back.utf8) == Array(name.utf8))
        }
    }

    @Test(
        "A text that escaping does not produce is not unescaped",
        arguments: [
            "", "_", "a_", "_4", "_g0", "_4G", "_2D", "_41", "a_37", "7up", "a-b", "a b", "a.b", "é", "_c3",
            "_c3_28", "_ed_a0_80", "_f5_80_80_80", "_ff", "__5f", "_5f_",
        ])
    func invalidEscapesAreNoName(escaped: String) {
        #expect(Escaping.unescape(escaped) == nil)
    }
}
