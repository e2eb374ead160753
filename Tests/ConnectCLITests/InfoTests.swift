import ConnectToTesting
import Testing

@testable import ConnectCLI

@Suite("connect info", .privateBus, .timeLimit(.minutes(1))) struct InfoTests {
    @Test("connect info shows the owner of a name and what its context has done")
    func showsOwnerAndStatus() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen 'a b' --exec cat; pid=$pid
            connect to 'a b' hello >/dev/null
            hold raw connect to 'a b' --raw; ends $held 2>/dev/null >&2
            hold c connect to 'a b' --replies 1; until connect info 'a b' | grep -q '1 open'; do :; done
            connect info 'a b' --json |
                sed "s/:$pid,/:PID,/;s/:$(id -u),/:UID,/;s/\\":1[.][0-9]*\\"/\\":1.N\\"/;s/\\"uptime\\":[0-9]*/\\"uptime\\":T/
                     s|\\"executable\\":\\"[^\\"]*/|\\"executable\\":\\"|;s/\\(received\\|sent\\)\\":[1-9][0-9]*/\\1\\":N/g"
            kill $pid
            """)
        #expect(
            outcome.lines == [
                #"{"name":"a b","origin":"org.connectto","pid":PID,"process":"connect","executable":"connect","#
                    + #""uid":UID,"bus":":1.N","format":"messages","metadata":{},"#
                    + #""status":{"uptime":T,"ports":1,"admitted":2,"refused":1,"received":N,"sent":N,"tappable":false}}"#
            ])
    }

    @Test("connect info exits with 68 for a name without an owner, and names connect doctor")
    func missingNameNamesDoctor() async throws {
        let outcome = try await Shell.run("connect info x")
        #expect(outcome.status == 68)
        #expect(outcome.errors.contains("connect doctor x"))
    }

    @Test(
        "The command that info and tap advise can be pasted into a shell, whatever the name is",
        arguments: ["it's so", "-x", "$(id) `x`", "\\", "\n", "\u{1B}7'\u{301}\\\u{200B}8"])
    func advisedCommandCanBePasted(_ name: String) async throws {
        let outcome = try await Shell.run(
            """
            for command in info tap; do
                connect $command --origin org.example.App -- '\(name.unicodeScalars.map { $0 == "'" ? "'\\''" : String($0) }.joined())' 2>err
                bash -c "$(sed 's/.*; start its listener, or see \\(connect.*\\)/\\1/' err)" | grep 'name: no program'
            done
            """)
        let finding =
            "PROBLEM  name: no program has registered \"\(TerminalText.escaped(name))\" under org.example.App"
        #expect(outcome.lines == [finding, finding])
    }

    @Test("connect info does not call a listener silent that answers without a status", .withPythonGI)
    func listenerWithoutStatusIsNotCalledSilent() async throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let outcome = try await Shell.run(
            """
            start l /usr/bin/python3 '/\(root)/examples/python/peer.py' listen x
            connect info x | grep status
            """)
        #expect(outcome.lines == ["status      unknown: the listener shows it to its own user only, or keeps none"])
    }

    @Test("connect info shows the owner of a listener that does not answer, and says so")
    func listenerThatDoesNotAnswerIsShown() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x; freeze $pid; connect info x; echo $?; kill -KILL $pid
            """)
        #expect(outcome.lines.last == "0")
        #expect(outcome.text.contains("unknown: the listener did not answer within a second"))
        #expect(outcome.text.contains("(connect)"))
    }
}
