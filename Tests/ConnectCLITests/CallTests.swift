import ConnectTo
import ConnectToMessaging
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectCLI

/// Runs a script while this process answers requests under the name `x`.
func withAnswers(
    _ handlers: Handlers, options: MessengerOptions = MessengerOptions(), _ script: String
) async throws -> Shell.Outcome {
    let bus = try await Bus.at(PrivateBus.current.address)
    let context = try await bus.register("x", options: ContextOptions(format: .calls))
    let serving = Task {
        var messengers: [Messenger] = []
        for try await event in context.connectEvents {
            messengers.append(
                Messenger(event.source, peer: event.peer, handlers: handlers, options: options))
        }
    }
    defer { serving.cancel() }
    return try await Shell.run(script)
}

@Suite("connect call", .privateBus, .timeLimit(.minutes(1))) struct CallTests {
    @Test("connect call prints text and JSON as a text line, and bytes as they are")
    func answersArePrinted() async throws {
        let handlers = Handlers()
        handlers.onRequest("text") { _, _ in .text("as it\ncame") }
        handlers.onRequest("json") { _, _ in .json(#"{ "b": 1.50, "a": "\u00e9" }"#) }
        handlers.onRequest("bytes") { _, _ in .bytes([0, 0xFF, 0x0A]) }
        handlers.onRequest("nothing") { _, _ in nil }
        let outcome = try await withAnswers(
            handlers,
            """
            for type in text json nothing; do connect call x $type; echo $?; done
            connect call x bytes | od -An -tx1
            for type in text json bytes nothing; do connect call x $type --json; done
            """)
        #expect(
            outcome.lines == [
                "as it", "came", "0", #"{ "b": 1.50, "a": "\u00e9" }"#, "0", "0", " 00 ff 0a",
                #"{"event":"answer","text":"as it\ncame"}"#,
                #"{"event":"answer","json":{ "b": 1.50, "a": "\u00e9" }}"#,
                #"{"event":"answer","base64":"AP8K"}"#, #"{"event":"answer"}"#,
            ])
        #expect(outcome.errors == "")
    }

    @Test("connect call sends its payload as text, as JSON, as bytes, from standard input, or not at all")
    func payloadsAreSentAsAsked() async throws {
        let handlers = Handlers()
        handlers.onRequest("kind") { payload, _ in
            .text("\(payload.kind.map { "\($0)" } ?? "none") \(payload.bytes)")
        }
        let outcome = try await withAnswers(
            handlers,
            """
            connect call x kind
            connect call x kind ab
            connect call x kind ''
            connect call x kind "$(printf 'a\\377')"
            connect call x kind --as-json '[1]'
            connect call x kind --bytes ab
            echo ab | connect call x kind -
            echo '[1]' | connect call x kind --as-json -
            echo ab | connect call x kind --bytes -
            connect call x kind --as-json '[1'; echo $?
            printf '\\377' | connect call x kind --as-json -; echo $?
            connect call x kind -- -1
            """)
        #expect(
            outcome.lines == [
                "none []", "text [97, 98]", "text []", "bytes [97, 255]", "json [91, 49, 93]", "bytes [97, 98]",
                "text [97, 98]", "json [91, 49, 93]", "bytes [97, 98, 10]", "65", "65", "text [45, 49]",
            ])
        #expect(outcome.errors.contains("connect: PAYLOAD was not sent: byte 3 is not valid in JSON"))
        #expect(outcome.errors.contains("connect: standard input was not sent: it is not UTF-8"))
    }

    @Test("connect call --more prints each element as it comes, and exits with 0 at the end of the stream")
    func elementsArePrintedAsTheyCome() async throws {
        let handlers = Handlers()
        handlers.onStream("count") { payload, stream, _ in
            for number in 1...(Int(payload.text ?? "") ?? 0) { try await stream.yield(.text("\(number)")) }
        }
        handlers.onStream("bytes") { _, stream, _ in
            for byte: UInt8 in [65, 66, 67] { try await stream.yield(.bytes([byte])) }
        }
        handlers.onStream("endless") { _, stream, _ in
            try await stream.yield(.text("first"))
            try await Task.sleep(for: .seconds(600))
        }
        handlers.onRequest("one") { _, _ in .json("[1]") }
        let outcome = try await withAnswers(
            handlers,
            """
            connect call x count 100 --more | cksum; seq 100 | cksum
            connect call x bytes --more; echo
            connect call x count 2 --more --json
            connect call x one --more
            connect call x count 2 2>err; echo $?; cat err
            mkfifo elements; connect call x endless --more >elements & c=$!
            read -r first <elements; echo "$first"; kill $c; ends $c
            """)
        #expect(outcome.lines.first == outcome.lines.dropFirst().first)
        #expect(
            outcome.lines.dropFirst(2) == [
                "ABC", #"{"event":"element","text":"1"}"#, #"{"event":"element","text":"2"}"#, #"{"event":"end"}"#,
                "[1]", "70",
                "connect: x: count answers with a stream: ask for one (many-answers); ask with connect call --more",
                "first", "143",
            ])
    }

    @Test("A failure is one text line with its text and code and exits with 70, and --json has its details")
    func failuresArePrinted() async throws {
        let handlers = Handlers()
        handlers.onRequest("full") { _, _ in
            throw CallFailure(
                CallError.Code(rawValue: "org.example.full"), "the disk\nis full", details: .json(#"{"free":0}"#))
        }
        handlers.onStream("broken") { _, stream, _ in
            try await stream.yield(.text("first"))
            throw CallFailure(CallError.Code(rawValue: "worn-out"), "it broke")
        }
        handlers.onRequest("refused") { _, _ in
            throw CallFailure(CallError.Code(rawValue: "refused"), "not for you")
        }
        let outcome = try await withAnswers(
            handlers,
            """
            connect call x full 2>&1; echo $?
            connect call x full --json 2>/dev/null
            connect call x broken --more 2>err; echo $?; cat err
            connect call x unknown 2>&1; echo $?
            connect call x refused 2>&1; echo $?
            """)
        #expect(
            outcome.lines == [
                #"connect: x: the disk\nis full (org.example.full)"#, "70",
                #"{"event":"failure","code":"org.example.full","message":"the disk\nis full","json":{"free":0}}"#,
                #"{"event":"error","code":70,"message":"x: the disk\nis full (org.example.full)"}"#,
                "first", "70", "connect: x: it broke (worn-out)",
                "connect: x: there is no handler for the request unknown (unknown-type); check the spelling of TYPE",
                "70", "connect: x: not for you (refused)", "77",
            ])
    }

    @Test("A request that is not answered in time exits with 75, and says whether it was taken")
    func timeoutsSayHowFarTheRequestCame() async throws {
        let handlers = Handlers()
        handlers.onRequest("slow") { _, context in
            try await Task.sleep(for: .seconds(600))
            return nil
        }
        handlers.onRequest("left") { _, context in
            .text(context.remainingTime.map { $0 <= .seconds(7) && $0 > .seconds(1) ? "fits" : "\($0)" } ?? "none")
        }
        handlers.onStream("forever") { _, _, context in try await Task.sleep(for: .seconds(600)) }
        let outcome = try await withAnswers(
            handlers,
            """
            connect call x slow --timeout .2 2>&1; echo $?
            connect call x forever --more --timeout .2 2>&1; echo $?
            connect call x left; connect call x left --timeout 7
            """)
        #expect(
            outcome.lines == [
                "connect: x has not answered slow within 0.2 s; look at what it does, or allow more time (--timeout)",
                "75",
                "connect: x has not answered forever within 0.2 s; look at what it does, or allow more time (--timeout)",
                "75", "fits", "fits",
            ])
    }

    @Test("A caller that dies before its answer exits with 76, and one that closes with 74")
    func endOfTheLineHasItsExitStatus() async throws {
        let handlers = Handlers()
        handlers.onRequest("close") { _, context in
            context.messenger?.close()
            try await Task.sleep(for: .seconds(600))
            return nil
        }
        let outcome = try await withAnswers(
            handlers,
            """
            connect call x close 2>&1; echo $?
            start l connect serve y die -- sh -c 'kill -KILL $PPID; sleep 600'
            connect call y die 2>err; echo $?; grep -c 'see why it ended' err
            connect call z any 2>err; echo $?; grep -c 'waits for the name' err
            connect call '' any 2>/dev/null; echo $?
            connect call x '' 2>&1; echo $?
            connect call x @a/b 2>&1; echo $?
            """)
        #expect(
            outcome.lines == [
                "connect: x closed the line before it answered close, and may have done what was asked; look at the listener",
                "74", "76", "1", "68", "1", "64", "connect: TYPE must not be empty", "64",
                "connect: TYPE must not begin with @: such types belong to the protocol", "64",
            ])
    }

    @Test("connect call and connect to name each other where the listener speaks the other way")
    func refusalsNameTheOtherCommand() async throws {
        let outcome = try await withAnswers(
            Handlers(),
            """
            start l connect listen plain --exec cat
            start r connect listen raw --raw --exec cat
            connect call plain any 2>&1; echo $?
            connect call raw any 2>&1; echo $?
            connect post plain any 2>&1; echo $?
            connect to x hello 2>&1; echo $?
            connect to x --raw </dev/null 2>&1; echo $?
            """)
        #expect(
            outcome.lines == [
                #"connect: "plain" refused the call: its lines carry messages, and the call asked for the format "calls"; "#
                    + "connect to plain talks to it", "77",
                #"connect: "raw" refused the call: its lines are streams of bytes, and the call asked for the format "#
                    + #""calls"; connect to raw, with --raw, talks to it"#, "77",
                #"connect: "plain" refused the call: its lines carry messages, and the call asked for the format "calls"; "#
                    + "connect to plain talks to it", "77",
                #"connect: "x" refused the call: its lines carry calls, and the call asked for messages; "#
                    + "connect call x, with a TYPE, talks to it", "77",
                #"connect: "x" refused the call: its lines carry calls, and the call asked for a stream of bytes; "#
                    + "connect call x, with a TYPE, talks to it", "77",
            ])
    }

    @Test("Files go along with connect call --file, and --save stores those that come with the answer")
    func filesGoBothWays() async throws {
        let handlers = Handlers()
        handlers.onRequest("names") { payload, _ in
            let bytes = payload.transferred.compactMap(\.file).map { file in
                file.withFileDescriptor { descriptor in
                    var buffer = [UInt8](repeating: 0, count: 64)
                    let count = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
                    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
                } ?? ""
            }
            return .text("\(payload.text ?? "none"): \(bytes.joined(separator: " "))")
        }
        handlers.onRequest("back") { payload, _ in .text("copy", transfer: payload.transferred) }
        let outcome = try await withAnswers(
            handlers,
            """
            mkdir to; printf one >a; printf two >b
            connect call x names --file a b
            connect call x names 'the files' --file a
            connect call x names --file missing 2>err; echo $?; grep -c 'missing cannot be read' err
            connect call x back --file a 2>err; echo $?; cat err
            connect call x back --file a --json 2>/dev/null; echo $?
            connect call x back --file a --save to 2>err; echo $?; cat err to/copy; echo
            connect call x back --file b --save to 2>err; echo $?; cat err to/copy; echo
            connect call x back --file b --save to --force 2>/dev/null; echo $?; cat to/copy
            """)
        #expect(
            outcome.lines == [
                "a", "b: one two", "the files: one", "65", "1", "copy", "74",
                "connect: x sent 1 file with its answer, which connect has closed; --save stores files",
                #"{"event":"answer","text":"copy","files":[{"name":"copy","size":3}],"transferred":1}"#,
                #"{"event":"error","code":74,"message":"x sent 1 file with its answer, "#
                    + #"which connect has closed; --save stores files"}"#, "74",
                "copy", "0", "saved file copy (3 bytes)", "one",
                "copy", "74", "connect: copy was not saved in to (File exists); --force overwrites it", "one",
                "copy", "0", "two",
            ])
    }
}
