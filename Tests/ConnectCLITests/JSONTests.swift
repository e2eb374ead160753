import Testing

@testable import ConnectCLI

@Suite("JSON of the command") struct JSONTests {
    private func text(_ object: JSONObject) -> String { String(decoding: object.bytes, as: UTF8.self) }

    @Test("Members of a JSON object keep their order, and absent facts are null")
    func membersKeepTheirOrder() {
        let object: JSONObject = [
            "z": .integer(-1), "a": .null, "o": .object(["k": .string("v")]), "p": .optional(Int32?.none),
            "e": .object([:]),
        ]
        #expect(text(object) == #"{"z":-1,"a":null,"o":{"k":"v"},"p":null,"e":{}}"#)
    }

    @Test("JSON strings are escaped on one line")
    func stringsAreEscapedOnOneLine() {
        #expect(
            text(["s": .string("\"\\\n\r\t\u{1}\u{7F}é🙂\u{2028}/")])
                == "{\"s\":\"\\\"\\\\\\n\\r\\t\\u0001\\u007fé🙂\\u2028/\"}")
    }

    @Test(
        "Characters that act on a terminal or are invisible are escaped in JSON",
        arguments: [
            ("\u{9B}1m", #"\u009b1m"#), ("\u{85}", #"\u0085"#), ("\u{202E}gpj", #"\u202egpj"#),
            ("\u{2066}x\u{2069}", #"\u2066x\u2069"#), ("a\u{200B}\u{FEFF}\u{AD}", #"a\u200b\ufeff\u00ad"#),
            ("\u{E0041}", #"\udb40\udc41"#),
        ])
    func invisibleCharactersAreEscaped(_ string: String, _ json: String) throws {
        #expect(text(["s": .string(string)]) == #"{"s":""# + json + #""}"#)
        // What a peer wrote as JSON says the same, escaped.
        let line = JSONScanner.singleLine(Array(#"{"\#(string)":"\#(string)"}"#.utf8))
        #expect(line.map { String(decoding: $0, as: UTF8.self) } == #"{""# + json + #"":""# + json + #""}"#)
    }

    @Test("Visible text stays unescaped in JSON", arguments: ["é", "日本語", "👩‍👩‍👧", "a b", "\u{10FFFD}"])
    func visibleTextStays(_ string: String) {
        #expect(text(["s": .string(string)]) == #"{"s":""# + string + #""}"#)
    }

    @Test("Metadata in JSON is sorted by key")
    func metadataIsSortedByKey() {
        #expect(text(JSONObject(strings: ["b": "2", "a": "1"])) == #"{"a":"1","b":"2"}"#)
    }

    @Test(
        "Valid JSON is shown unchanged, on one line",
        arguments: [
            ("1.00000000000000000000001e-400", "1.00000000000000000000001e-400"),
            ("{\n\"a\" : [1,\r\n2, {}]}", "{ \"a\" : [1,  2, {}]}"),
            ("\"\\u2028\\ud83d\\ude42\"", "\"\\u2028\\ud83d\\ude42\""), ("[]", "[]"), (" true ", " true "),
            ("-0", "-0"), ("[[[]],{}]", "[[[]],{}]"),
            ("null", "null"), ("{\"a\":{\"b\":[]},\"c\":2}", "{\"a\":{\"b\":[]},\"c\":2}"),
        ])
    func validJSONIsKeptOnOneLine(_ json: String, _ line: String) {
        #expect(JSONScanner.singleLine(Array(json.utf8)).map { String(decoding: $0, as: UTF8.self) } == line)
    }

    @Test(
        "Malformed JSON is detected",
        arguments: [
            "", " ", "{", "[1,]", "{\"a\"}", "{a:1}", "01", "1.", "1e", "+1", ".5", "\"\n\"", "\"\\x\"",
            "\"\\u12\"", "tru", "1 2", "nul",
            "[1}", "{\"a\":1,}", "}", "]", "'a'", "\"", "[1 2]", "{\"a\":1 \"b\":2}", "NaN", "--1",
        ])
    func malformedJSONIsDetected(_ json: String) {
        #expect(JSONScanner.singleLine(Array(json.utf8)) == nil)
    }

    private func nested(_ depth: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(ascii: "["), count: depth) + [UInt8](repeating: UInt8(ascii: "]"), count: depth)
    }

    @Test("JSON with a million levels does not overflow the stack")
    func deepNestingDoesNotOverflowTheStack() throws {
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
        #expect(JSONScanner.singleLine(deep) == nil)
        try JSONScanner.check(nested(1_000_000))
    }

    @Test("JSON of more than 128 levels is not shown as JSON")
    func moreThan128LevelsAreNotShownAsJSON() {
        #expect(JSONScanner.singleLine(nested(128)) != nil)
        #expect(JSONScanner.singleLine(nested(129)) == nil)
        let objects = String(repeating: #"{"a":["#, count: 150) + String(repeating: "]}", count: 150)
        #expect(JSONScanner.singleLine(Array(objects.utf8)) == nil)
        // Side by side they are not deep.
        let wide = "[" + String(repeating: "[],{},", count: 300) + "0]"
        #expect(JSONScanner.singleLine(Array(wide.utf8)) != nil)
    }

    @Test(
        "JSON with half a surrogate pair, in a key too, is not shown as JSON",
        arguments: [
            #""\ud800""#, #"{"\udc00":1}"#, #"["a",{"b":"\ud83dx"}]"#, #""\ud83d\u0041""#, #""\ude42\ud83d""#,
            #""\uD83D\uD83D\uDE42""#, #""\ud83d\\ude42""#,
        ])
    func halfASurrogatePairIsNotShownAsJSON(_ json: String) throws {
        #expect(JSONScanner.singleLine(Array(json.utf8)) == nil)
        // It is JSON all the same.
        try JSONScanner.check(Array(json.utf8))
    }

    @Test(
        "JSON strings are decoded with their escapes",
        arguments: [
            (#""a\n\t\"\\\/\b\f\r""#, "a\n\t\"\\/\u{8}\u{C}\r"), (#""\u00e9\ud83d\ude42""#, "é🙂"),
        ])
    func stringsAreDecoded(_ json: String, _ text: String) throws {
        var scanner = JSONScanner(Array(json.utf8))
        #expect(try scanner.string() == text)
    }
}

extension JSONTests {
    @Test(
        "A JSON string with half a surrogate pair is not decoded",
        arguments: [#""\ud83dx""#, #""\ud83d\u0041""#, #""caf\udce9""#])
    func halfASurrogatePairIsNotDecoded(_ json: String) {
        var scanner = JSONScanner(Array(json.utf8))
        #expect(throws: (any Error).self) { try scanner.string() }
    }
}
