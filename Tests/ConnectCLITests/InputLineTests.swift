import Testing

@testable import ConnectCLI

@Suite struct InputLineTests {
    private func line(_ text: String) throws -> InputLine { try InputLine(object: Array(text.utf8)) }

    @Test("A line for one port")
    func onePort() throws {
        #expect(try line(#"{"port":2,"text":"a\nb"}"#).port == 2)
        #expect(try line(#"{"port":2,"text":"a\nb"}"#).payload == .text("a\nb"))
        #expect(try line(#" { "base64" : "/w==", "port" : 1 } "#).payload == .bytes([0xFF]))
        #expect(try line(#"{"event":"message","port":1,"json":{"n":1.00}}"#).payload == .json(#"{"n":1.00}"#))
    }

    @Test("A line for all: without a port, or plain")
    func all() throws {
        #expect(try line(#"{"text":""}"#) == InputLine(.post(.text(""))))
        #expect(try line(#"{"port":null,"text":"x"}"#).port == nil)
        #expect(try line("hello").payload == .text("hello"))
        #expect(try InputLine(object: [0xFF]).payload == .bytes([0xFF]))
    }

    @Test(
        "What is wrong is told with 65",
        arguments: [
            "{", "{}", #"{"port":1}"#, #"{"text":1}"#, #"{"text":"a","base64":"YQ=="}"#,
            #"{"port":"1","text":"a"}"#,
            #"{"port":1,"close":1}"#, #"{"port":1,"close":true,"text":"a"}"#, #"{"port":1,"close":false}"#,
            #"{"base64":"?"}"#, #"{"text":"a"} x"#, #"{"port":1.5,"text":"a"}"#, #"{"text":"a",}"#,
        ])
    func wrong(_ text: String) {
        let error = #expect(throws: Failure.self) { try line(text) }
        #expect(error?.status == .unsendable)
    }

    @Test(
        "Half a surrogate pair cannot be sent as text: 65, and the hint at base64",
        arguments: [#"{"text":"caf\udce9"}"#, #"{"text":"\ud83dx","port":1}"#, #"{"base64":"\ud800"}"#])
    func noText(_ text: String) {
        let error = #expect(throws: Failure.self) { try line(text) }
        #expect(error?.status == .unsendable)
        #expect(error?.message?.contains("base64") == true)
        #expect(error?.message?.contains("surrogate") == true)
    }

    @Test("A line that is not UTF-8 and begins as an object is wrong")
    func bytes() {
        #expect(throws: Failure.self) { try InputLine(object: Array(#"{"text":""#.utf8) + [0xFF, 0x22, 0x7D]) }
    }
}
