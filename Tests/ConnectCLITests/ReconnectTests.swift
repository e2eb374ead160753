import ConnectToTesting
import Testing

@Suite("connect to --reconnect", .privateBus, .timeLimit(.minutes(1))) struct ReconnectTests {
    @Test("connect to --reconnect goes on with the next listener when one is killed, and says what may be lost")
    func goesOnWithTheNextListener() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x
            mkfifo c.in; connect to x --reconnect --json <c.in >c.out 2>c.err & call=$!
            exec 5>c.in
            echo one >&5; echo two >&5
            until grep -q two l.out; do :; done
            kill -KILL $pid
            until grep -q interrupted c.out; do :; done
            echo three >&5
            start m connect listen x --once 5>&-
            exec 5>&-
            ends $call; wait $pid
            cat m.out c.out c.err
            """)
        let ended = #"{"event":"close","port":1,"reason":"peer-exited"}"#
        #expect(
            outcome.events == [
                "0", "three", ended,
                #"{"event":"interrupted","port":1,"reason":"peer-exited","mayBeLost":2}"#,
                #"{"event":"reconnected","port":2}"#, #"{"event":"close","port":2,"reason":"closed"}"#,
                "x: the peer ended the line without closing the port; of the 2 messages sent to it the last may be lost; calling the next owner "
                    + "of the name", "connected to x again",
            ])
    }

    @Test("connect to --reconnect prints the answers of each listener, and exits with 0 when one closes in order")
    func answersOfEachListenerArePrinted() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec sed -u s/^/first:/
            mkfifo c.in; connect to x --reconnect <c.in >c.out 2>c.err & call=$!
            exec 5>c.in
            echo a >&5; until grep -q first:a c.out; do :; done
            kill -KILL $pid; wait $pid
            start m connect listen x --exec sed -u s/^/second:/ 5>&-
            echo b >&5; until grep -q second:b c.out; do :; done
            exec 5>&-; ends $call; cat c.out
            """)
        #expect(outcome.lines == ["0", "first:a", "second:b"])
    }

    @Test("connect to --reconnect exits with 68 without a first listener, and with 75 without a second one")
    func noFurtherListenerIs68Or75() async throws {
        let outcome = try await Shell.run(
            """
            connect to x --reconnect --wait 0 </dev/null; echo $?
            start l connect listen x
            hold c connect to x --reconnect --wait 0.1; until connect info x --json | grep -q '"ports":1'; do :; done
            kill -KILL $pid; ends $held
            start m connect listen x; freeze $pid
            connect to x --reconnect </dev/null 2>/dev/null & call=$!
            kill -CONT $pid; wait $call; echo $?
            """)
        #expect(outcome.lines == ["68", "75", "0"])
    }

    @Test("A signal ends to --reconnect in order", arguments: ["INT 130", "TERM 143"])
    func signalClosesInOrder(_ signal: String) async throws {
        let (name, status) = (signal.prefix { $0 != " " }, signal.drop { $0 != " " }.dropFirst())
        let outcome = try await Shell.run(
            """
            converse l connect listen x --json; next >/dev/null
            hold c connect to x --reconnect; next >/dev/null
            ready $held; kill -\(name) $held; ends $held; next
            """)
        #expect(outcome.events == ["\(status)", #"{"event":"close","port":1,"reason":"closed"}"#])
    }

    @Test(
        "connect to --reconnect exits with 64 together with an option or a MESSAGE that it could not send again",
        arguments: [
            "hello", "--raw", "--bytes", "--replies 1", "--no-reply", "--timeout 1", "--file /dev/null",
        ])
    func optionsThatCannotBeRepeatedAre64(_ arguments: String) async throws {
        #expect(try await Shell.run("connect to x --reconnect \(arguments)").status == 64)
    }
}
