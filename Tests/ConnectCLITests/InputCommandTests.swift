import Testing

@testable import ConnectCLI

@Suite("A text line of --json input") struct InputCommandTests {
    private func line(_ text: String) throws -> InputCommand { try InputCommand(object: Array(text.utf8)) }

    @Test("A --json input line with a port number is for that port")
    func lineForOnePort() throws {
        #expect(try line(#"{"port":2,"text":"a\nb"}"#).port == 2)
        #expect(try line(#"{"port":2,"text":"a\nb"}"#).content == .text("a\nb"))
        #expect(try line(#" { "base64" : "/w==", "port" : 1 } "#).content == .bytes([0xFF]))
        #expect(try line(#"{"event":"message","port":1,"json":{"n":1.00}}"#).content == .json(#"{"n":1.00}"#))
    }

    @Test("A --json input line without a port number, or that is not an object, is for all ports")
    func lineForAllPorts() throws {
        #expect(try line(#"{"text":""}"#) == InputCommand(.post(.text(""))))
        #expect(try line(#"{"port":null,"text":"x"}"#).port == nil)
        #expect(try line("hello").content == .text("hello"))
        #expect(try InputCommand(object: [0xFF]).content == .bytes([0xFF]))
    }

    @Test(
        "A wrong --json input line is 65",
        arguments: [
            "{", "{}", #"{"port":1}"#, #"{"text":1}"#, #"{"text":"a","base64":"YQ=="}"#,
            #"{"port":"1","text":"a"}"#,
            #"{"port":1,"close":1}"#, #"{"port":1,"close":true,"text":"a"}"#, #"{"port":1,"close":false}"#,
            #"{"base64":"?"}"#, #"{"text":"a"} x"#, #"{"port":1.5,"text":"a"}"#, #"{"text":"a",}"#,
        ])
    func wrongLineIs65(_ text: String) {
        let error = #expect(throws: Failure.self) { try line(text) }
        #expect(error?.status == .unsendable)
    }

    @Test(
        "A --json input line with half a surrogate pair is 65, with the hint at base64",
        arguments: [#"{"text":"caf\udce9"}"#, #"{"text":"\ud83dx","port":1}"#, #"{"base64":"\ud800"}"#])
    func halfASurrogatePairIs65(_ text: String) {
        let error = #expect(throws: Failure.self) { try line(text) }
        #expect(error?.status == .unsendable)
        #expect(error?.message?.contains("base64") == true)
        #expect(error?.message?.contains("surrogate") == true)
    }

    @Test("A --json input line that begins as an object and is not UTF-8 is refused")
    func objectThatIsNotUTF8IsRefused() {
        #expect(throws: Failure.self) { try InputCommand(object: Array(#"{"text":""#.utf8) + [0xFF, 0x22, 0x7D]) }
    }
}
