import ConnectTo
import ConnectToTesting
import SystemPackage
import Testing

@Suite("connect listen --json", .privateBus, .timeLimit(.minutes(1))) struct ListenJSONTests {
    @Test("connect listen --json writes each event as an object, with null for absent facts")
    func everyEventIsAnObject() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen 'a "b"' --json
            hold a connect to 'a "b"' hello "$(printf '\\377')" ; wait $held
            kill $pid; wait $pid
            sed "s/:$held,/:PID,/;s/:$(id -u),/:UID,/;s/\\":1[.][0-9]*\\"/\\":1.N\\"/;s/\\"executable\\":\\"[^\\"]*\\"/EXE/" l.out
            """)
        #expect(
            outcome.events == [
                #"{"event":"listening","name":"a \"b\"","origin":"org.connectto"}"#,
                #"{"event":"connect","port":1,"peer":{"pid":PID,"uid":UID,"bus":":1.N","name":null,"process":"connect",EXE}}"#,
                #"{"event":"message","port":1,"text":"hello"}"#,
                #"{"event":"message","port":1,"base64":"/w=="}"#, #"{"event":"finish","port":1}"#,
                #"{"event":"close","port":1,"reason":"closed"}"#,
            ])
    }

    @Test("An input line of listen --json answers one port, as text, bytes or JSON")
    func inputLineAnswersOnePort() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --json
            next >/dev/null
            hold a connect to x --replies 2 --json; a=$held; next >/dev/null
            hold b connect to x --replies 3 --json; b=$held; next >/dev/null
            printf '%s\\n' '{"port":1,"text":"for one"}' '{"port":2,"base64":"/w=="}' \
            '{"port":2,"json":{"n":1.0000000000000000001}}' '{"text":"all"}' >&7
            ends $a; ends $b
            cat a.out b.out | grep message
            kill $pid
            """)
        #expect(
            outcome.lines == [
                "0", "0", #"{"event":"message","port":1,"text":"for one"}"#,
                #"{"event":"message","port":1,"text":"all"}"#,
                #"{"event":"message","port":1,"base64":"/w=="}"#,
                #"{"event":"message","port":1,"json":{"n":1.0000000000000000001}}"#,
                #"{"event":"message","port":1,"text":"all"}"#,
            ])
    }

    @Test("A wrong input line of listen --json is an error event with 65, and the next line is read")
    func wrongInputLineIsAnErrorEvent() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --json --once
            next >/dev/null
            hold a connect to x --replies 1; next >/dev/null
            printf '{"port":1}\\n{"port":7,"text":"a"}\\nplain\\n' >&7
            next | grep -o '"event":"error","code":65'
            next | grep -o '"event":"error","code":65'
            ends $held; cat a.out; ends $pid; said l; grep -o '^connect: line [12] ' l.err
            """)
        #expect(
            outcome.lines == [
                #""event":"error","code":65"#, #""event":"error","code":65"#, "0", "plain", "65",
                "connect: line 1 ", "connect: line 2 ",
            ])
    }

    @Test("connect listen --json shows a text message that is not UTF-8 as base64")
    func textThatIsNotUTF8IsShownInBase64() async throws {
        // Its input stays open: a finish that arrives first could not be handed over with the socket.
        async let outcome = Shell.run("converse l connect listen x --json --once; cat <&8")
        let port = try await Bus.at(PrivateBus.current.address).connectTo("x")
        try await port.waitUntilOpen()
        let socket = FileDescriptor(rawValue: try port.detachSocket())
        try socket.closeAfter {
            // A frame of kind text, two bytes long, and a close that counts no message.
            try socket.writeAll([2, 0, 0, 0, 2, 0, 0, 0, 0xFF, 0xFE])
            try socket.writeAll([8, 0, 0, 0, 17, 0, 0, 0] + [UInt8](repeating: 0, count: 8))
            // Closed with something unread, the kernel might drop what was written; the end may come as an error.
            var room = [UInt8](repeating: 0, count: 64)
            while let count = try? room.withUnsafeMutableBytes({ try socket.read(into: $0) }), count > 0 {}
        }
        let lines = try await outcome.lines
        #expect(lines.contains(#"{"event":"message","port":1,"base64":"//4="}"#))
    }

    @Test("connect listen --json shows JSON that a parser might refuse as text, and then the next message")
    func hardJSONIsShownAsText() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen k --json
            nested() { printf "%0$1d" 0 | sed 's/0/[/g'; printf "%0$1d" 0 | sed 's/0/]/g'; }
            connect to k --as-json '"\\ud800"' '{"\\udc00":1}' "$(nested 300)" "$(nested 128)" '"\\ud83d\\ude42"'; echo $?
            kill $pid; wait $pid; grep -o '"port":1,"[tj].*' l.out | cut -c-40
            """)
        #expect(
            outcome.lines == [
                "0", #""port":1,"text":"\"\\ud800\""}"#, #""port":1,"text":"{\"\\udc00\":1}"}"#,
                #""port":1,"text":""# + String(repeating: "[", count: 23),
                #""port":1,"json":"# + String(repeating: "[", count: 24), #""port":1,"json":"\ud83d\ude42"}"#,
            ])
    }
}
