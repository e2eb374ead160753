import Testing

@testable import ConnectCLI

@Suite struct JSONTests {
    private func text(_ object: JSONObject) -> String { String(decoding: object.bytes, as: UTF8.self) }

    @Test("Members keep their order, and absent facts are null")
    func object() {
        let object: JSONObject = [
            "z": .integer(-1), "a": .null, "o": .object(["k": .string("v")]), "p": .optional(Int32?.none),
            "e": .object([:]),
        ]
        #expect(text(object) == #"{"z":-1,"a":null,"o":{"k":"v"},"p":null,"e":{}}"#)
    }

    @Test("Strings are escaped on one line")
    func strings() {
        #expect(
            text(["s": .string("\"\\\n\r\t\u{1}\u{7F}é🙂\u{2028}/")])
                == "{\"s\":\"\\\"\\\\\\n\\r\\t\\u0001\\u007fé🙂\\u2028/\"}")
    }

    @Test(
        "What would act on a terminal is escaped",
        arguments: [
            ("\u{9B}1m", #"\u009b1m"#), ("\u{85}", #"\u0085"#), ("\u{202E}gpj", #"\u202egpj"#),
            ("\u{2066}x\u{2069}", #"\u2066x\u2069"#), ("a\u{200B}\u{FEFF}\u{AD}", #"a\u200b\ufeff\u00ad"#),
            ("\u{E0041}", #"\udb40\udc41"#),
        ])
    func unseen(_ string: String, _ json: String) throws {
        #expect(text(["s": .string(string)]) == #"{"s":""# + json + #""}"#)
        // What a peer wrote as JSON says the same, escaped.
        let line = JSONScanner.singleLine(Array(#"{"\#(string)":"\#(string)"}"#.utf8))
        #expect(line.map { String(decoding: $0, as: UTF8.self) } == #"{""# + json + #"":""# + json + #""}"#)
    }

    @Test("Text that is seen stays as it is", arguments: ["é", "日本語", "👩‍👩‍👧", "a b", "\u{10FFFD}"])
    func seen(_ string: String) {
        #expect(text(["s": .string(string)]) == #"{"s":""# + string + #""}"#)
    }

    @Test("Metadata is in the order of its keys")
    func metadata() {
        #expect(text(JSONObject(strings: ["b": "2", "a": "1"])) == #"{"a":"1","b":"2"}"#)
    }

    @Test(
        "What is JSON comes out as it was, on one line",
        arguments: [
            ("1.00000000000000000000001e-400", "1.00000000000000000000001e-400"),
            ("{\n\"a\" : [1,\r\n2, {}]}", "{ \"a\" : [1,  2, {}]}"),
            ("\"\\u2028\\ud83d\\ude42\"", "\"\\u2028\\ud83d\\ude42\""), ("[]", "[]"), (" true ", " true "),
            ("-0", "-0"), ("[[[]],{}]", "[[[]],{}]"),
            ("null", "null"), ("{\"a\":{\"b\":[]},\"c\":2}", "{\"a\":{\"b\":[]},\"c\":2}"),
        ])
    func splices(_ json: String, _ line: String) {
        #expect(JSONScanner.singleLine(Array(json.utf8)).map { String(decoding: $0, as: UTF8.self) } == line)
    }

    @Test(
        "What is not JSON is found out",
        arguments: [
            "", " ", "{", "[1,]", "{\"a\"}", "{a:1}", "01", "1.", "1e", "+1", ".5", "\"\n\"", "\"\\x\"",
            "\"\\u12\"", "tru", "1 2", "nul",
            "[1}", "{\"a\":1,}", "}", "]", "'a'", "\"", "[1 2]", "{\"a\":1 \"b\":2}", "NaN", "--1",
        ])
    func malformed(_ json: String) {
        #expect(JSONScanner.singleLine(Array(json.utf8)) == nil)
    }

    private func nested(_ depth: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(ascii: "["), count: depth) + [UInt8](repeating: UInt8(ascii: "]"), count: depth)
    }

    @Test("Nesting of a million does not overflow the stack")
    func deep() throws {
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
        #expect(JSONScanner.singleLine(deep) == nil)
        try JSONScanner.check(nested(1_000_000))
    }

    @Test("What a consumer might not read is not shown as JSON: more than 128 levels")
    func levels() {
        #expect(JSONScanner.singleLine(nested(128)) != nil)
        #expect(JSONScanner.singleLine(nested(129)) == nil)
        let objects = String(repeating: #"{"a":["#, count: 150) + String(repeating: "]}", count: 150)
        #expect(JSONScanner.singleLine(Array(objects.utf8)) == nil)
        // Side by side they are not deep.
        let wide = "[" + String(repeating: "[],{},", count: 300) + "0]"
        #expect(JSONScanner.singleLine(Array(wide.utf8)) != nil)
    }

    @Test(
        "What a consumer might not read is not shown as JSON: half a surrogate pair, in a key too",
        arguments: [
            #""\ud800""#, #"{"\udc00":1}"#, #"["a",{"b":"\ud83dx"}]"#, #""\ud83d\u0041""#, #""\ude42\ud83d""#,
            #""\uD83D\uD83D\uDE42""#, #""\ud83d\\ude42""#,
        ])
    func surrogates(_ json: String) throws {
        #expect(JSONScanner.singleLine(Array(json.utf8)) == nil)
        // It is JSON all the same.
        try JSONScanner.check(Array(json.utf8))
    }

    @Test(
        "Strings say what they say",
        arguments: [
            (#""a\n\t\"\\\/\b\f\r""#, "a\n\t\"\\/\u{8}\u{C}\r"), (#""\u00e9\ud83d\ude42""#, "é🙂"),
        ])
    func strings(_ json: String, _ text: String) throws {
        var scanner = JSONScanner(Array(json.utf8))
        #expect(try scanner.string() == text)
    }
}

extension JSONTests {
    @Test("Half a surrogate pair says nothing", arguments: [#""\ud83dx""#, #""\ud83d\u0041""#, #""caf\udce9""#])
    func noText(_ json: String) {
        var scanner = JSONScanner(Array(json.utf8))
        #expect(throws: (any Error).self) { try scanner.string() }
    }
}
