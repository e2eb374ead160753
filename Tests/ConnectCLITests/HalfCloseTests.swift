import ConnectToTesting
import Testing

/// A caller that has ended its input still reads: `connect to x question` waits for its answer.
@Suite("connect listen, when a caller has ended its input", .privateBus, .timeLimit(.minutes(1))) struct HalfCloseTests
{
    @Test(
        "connect listen --json reports that a caller has ended its input, answers it, and closes its port when input says so"
    )
    func jsonReportsTheEndOfInput() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen bot --json
            next >/dev/null
            connect to bot c >a.out </dev/null 7>&- 8<&- & to=$!
            next >/dev/null; next; next
            printf '%s\\n' '{"port":1,"text":"one"}' '{"port":1,"text":"two"}' '{"port":1,"close":true}' \
            '{"port":1,"text":"late"}' >&7
            ends $to; cat a.out
            { next; next; } | sort | cut -c-45
            kill $pid
            """)
        #expect(
            outcome.lines == [
                #"{"event":"message","port":1,"text":"c"}"#, #"{"event":"finish","port":1}"#, "0", "one", "two",
                #"{"event":"close","port":1,"reason":"closed",""#, #"{"event":"error","code":65,"message":"line 4 "#,
            ])
    }

    @Test("connect listen answers a caller that has ended its input, and closes the port when its own input ends")
    func listenAnswersAfterTheEndOfInput() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen bot
            connect to bot c --replies 1 >a.out </dev/null 7>&- 8<&- & to=$!
            next; echo answer >&7; ends $to; cat a.out
            connect to bot d >b.out </dev/null 7>&- 8<&- & to=$!
            next; echo first >&7; echo last >&7; exec 7>&-; ends $to; cat b.out
            connect to bot e </dev/null 8<&-; echo $?
            kill $pid
            """)
        #expect(outcome.lines == ["c", "0", "answer", "d", "0", "first", "last", "0"])
    }

    @Test(
        "connect listen whose input has ended closes the port of a caller that ends its input",
        arguments: ["", "--json", "--as-json"])
    func listenWithoutInputClosesThePort(_ options: String) async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x \(options)
            for turn in 1 2 3; do connect to x $turn </dev/null; echo $?; done
            kill $pid; wait $pid; grep -c finish l.out
            """)
        #expect(outcome.lines == ["0", "0", "0", options == "--json" ? "3" : "0"])
    }

    @Test("connect listen --json reports the end of a caller's input even where the caller closes right after it")
    func jsonReportsTheEndOfInputBeforeAClose() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --json
            for turn in $(seq 20); do connect to x $turn --no-reply; done
            until [ $(grep -c '"event":"close"' l.out) = 20 ]; do :; done
            grep -c '"event":"finish"' l.out; kill $pid
            """)
        #expect(outcome.lines == ["20"])
    }

    @Test("connect listen --json delivers all that was posted before {\"close\":true}, however much it is")
    func allPostedBeforeTheCloseArrives() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --json
            next >/dev/null
            connect to x c >a.out </dev/null 7>&- 8<&- & to=$!
            next >/dev/null; next >/dev/null; next >/dev/null
            freeze $to
            # More than the kernel holds, so that most of it waits when the close is read.
            seq -f '{"port":1,"text":"%01000.0f"}' 1 4000 >&7; echo '{"port":1,"close":true}' >&7
            echo '{"port":2,"text":"no such port"}' >&7; next | grep -o '"code":65'
            kill -CONT $to; ends $to
            seq -f '%01000.0f' 1 4000 | cmp - a.out && echo same; kill $pid
            """)
        #expect(outcome.lines == [#""code":65"#, "0", "same"])
    }

    @Test(
        "connect listen on a terminal closes the port of a caller that has ended its input", arguments: ["", "--json"])
    func onATerminalEndOfInputIsTheEnd(_ options: String) async throws {
        let outcome = try await Shell.run(
            """
            mkfifo keys screen
            script -qfec 'connect listen x \(options)' /dev/null <keys >screen & script=$!
            exec 7>keys 8<screen
            until next | grep -q '^listening'; do :; done
            connect to x hello </dev/null 7>&- 8<&-; echo $?
            """)
        #expect(outcome.lines == ["0"])
    }

    @Test("connect listen --json --once ends with {\"close\":true} on its input")
    func closeEndsOnce() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --json --once
            next >/dev/null
            connect to x >a.out </dev/null 7>&- 8<&- & to=$!; next >/dev/null
            printf '%s\\n' '{"port":1,"text":"bye"}' '{"close":true}' >&7
            ends $to; cat a.out; ends $pid; said l; cat l.err
            """)
        #expect(outcome.lines == ["0", "bye", "0"])
    }

    @Test("connect to --json refuses {\"close\":true} with 65 and says what to do instead")
    func closeIsRefusedByTo() async throws {
        let outcome = try await Shell.run(
            "start l connect listen x; echo '{\"close\":true}' | connect to x --json; echo $?; kill $pid")
        #expect(outcome.lines.last == "65")
        #expect(outcome.errors.contains("line 1 of standard input was not sent"))
        #expect(outcome.errors.contains("end standard input"))
    }
}
