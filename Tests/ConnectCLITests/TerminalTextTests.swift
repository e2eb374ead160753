import Testing

@testable import ConnectCLI

@Suite struct TerminalTextTests {
    @Test(
        "What would act on a terminal is written out",
        arguments: [
            ("a\nb\tc\r", "a\\nb\\tc\\r"), ("\u{1B}[2J", "\\u{1B}[2J"), ("\u{7F}", "\\u{7F}"),
            ("\u{9B}1m", "\\u{9B}1m"),
            ("\u{202E}gpj", "\\u{202E}gpj"), ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"),
            ("\u{2028}", "\\u{2028}"),
            ("back\\slash", "back\\\\slash"), ("\0", "\\u{0}"), ("\u{10FFFF}", "\\xFF"),
        ])
    func escapes(_ text: String, _ escaped: String) {
        #expect(TerminalText.escaped(text) == escaped)
    }

    @Test(
        "What is not seen, or looks like a blank, is written out, so that no name looks like another",
        arguments: [
            ("x ", "x\\u{20}"), (" x", "\\u{20}x"), ("  ", "\\u{20}\\u{20}"), ("a\u{A0}b", "a\\u{A0}b"),
            ("a\u{3000}b", "a\\u{3000}b"), ("a\u{200B}b", "a\\u{200B}b"), ("a\u{200D}b", "a\\u{200D}b"),
            ("a\u{200C}", "a\\u{200C}"), ("\u{3164}", "\\u{3164}"), ("\u{115F}x", "\\u{115F}x"),
            ("\u{FFA0}", "\\u{FFA0}"), ("\u{2800}", "\\u{2800}"), ("a\u{34F}", "a\\u{34F}"),
            ("a\u{FE0F}", "a\\u{FE0F}"),
            ("a\u{E0101}", "a\\u{E0101}"), ("a\u{AD}b", "a\\u{AD}b"), ("👩\u{200D}", "👩\\u{200D}"),
            ("1\u{200D}2", "1\\u{200D}2"),
        ])
    func unseen(_ text: String, _ escaped: String) {
        #expect(TerminalText.escaped(text) == escaped)
    }

    @Test("All else stays", arguments: ["the-listener", "naïve", "日本", "👩‍👩‍👧", "/.-:_ x", "a  b"])
    func stays(_ text: String) {
        #expect(TerminalText.escaped(text) == text)
    }

    @Test(
        "Columns are counted as a terminal shows them",
        arguments: [("abc", 3), ("e\u{301}", 1), ("日本", 4), ("🙂", 2)])
    func widths(_ text: String, _ width: Int) {
        #expect(TerminalText.width(of: text) == width)
    }

    @Test("A table is as wide as its cells")
    func table() {
        var table = Table(header: ["NAME", "PID"])
        table.append(["日本語", "1"])
        table.append(["a\nb", "22"])
        #expect(table.lines == ["NAME    PID", "日本語  1", "a\\nb    22"])
    }
}
