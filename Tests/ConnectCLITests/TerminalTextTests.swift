import Testing

@testable import ConnectCLI

@Suite("Text for a terminal") struct TerminalTextTests {
    @Test(
        "Characters that act on a terminal are escaped",
        arguments: [
            ("a\nb\tc\r", "a\\nb\\tc\\r"), ("\u{1B}[2J", "\\u{1B}[2J"), ("\u{7F}", "\\u{7F}"),
            ("\u{9B}1m", "\\u{9B}1m"),
            ("\u{202E}gpj", "\\u{202E}gpj"), ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"),
            ("\u{2028}", "\\u{2028}"),
            ("back\\slash", "back\\\\slash"), ("\0", "\\u{0}"), ("\u{10FFFF}", "\\xFF"),
        ])
    func controlCharactersAreEscaped(_ text: String, _ escaped: String) {
        #expect(TerminalText.escaped(text) == escaped)
    }

    @Test(
        "Characters that are invisible or look like a blank are escaped, so that no name looks like another",
        arguments: [
            ("x ", "x\\u{20}"), (" x", "\\u{20}x"), ("  ", "\\u{20}\\u{20}"), ("a\u{A0}b", "a\\u{A0}b"),
            ("a\u{3000}b", "a\\u{3000}b"), ("a\u{200B}b", "a\\u{200B}b"), ("a\u{200D}b", "a\\u{200D}b"),
            ("a\u{200C}", "a\\u{200C}"), ("\u{3164}", "\\u{3164}"), ("\u{115F}x", "\\u{115F}x"),
            ("\u{FFA0}", "\\u{FFA0}"), ("\u{2800}", "\\u{2800}"), ("a\u{34F}", "a\\u{34F}"),
            ("a\u{FE0F}", "a\\u{FE0F}"),
            ("a\u{E0101}", "a\\u{E0101}"), ("a\u{AD}b", "a\\u{AD}b"), ("👩\u{200D}", "👩\\u{200D}"),
            ("1\u{200D}2", "1\\u{200D}2"),
        ])
    func invisibleCharactersAreEscaped(_ text: String, _ escaped: String) {
        #expect(TerminalText.escaped(text) == escaped)
    }

    @Test(
        "Visible text is not escaped for a terminal",
        arguments: ["the-listener", "naïve", "日本", "👩‍👩‍👧", "/.-:_ x", "a  b"])
    func visibleTextStays(_ text: String) {
        #expect(TerminalText.escaped(text) == text)
    }

    @Test(
        "The width of a text is the number of columns on a terminal",
        arguments: [("abc", 3), ("e\u{301}", 1), ("日本", 4), ("🙂", 2), ("🫠", 2), ("ﾊ", 1)])
    func widthIsInColumns(_ text: String, _ width: Int) {
        #expect(TerminalText.width(of: text) == width)
    }

    @Test("The columns of a table are as wide as their cells")
    func tableIsAsWideAsItsCells() {
        var table = Table(header: ["NAME", "PID"])
        table.append(["日本語", "1"])
        table.append(["a\nb", "22"])
        #expect(table.lines == ["NAME    PID", "日本語  1", "a\\nb    22"])
    }
}
