import ConnectToTesting
import Testing

/// What a command finds when it starts, and how signals stop it.
@Suite("The environment of a command of connect listen --exec", .privateBus, .timeLimit(.minutes(1)))
struct ExecEnvironmentTests {
    @Test("An --exec command has the descriptors that listen was started with, and none that listen has opened")
    func commandHasTheDescriptorsOfListenOnly() async throws {
        let outcome = try await Shell.run(
            """
            echo passed >file
            exec 5<file
            start l connect listen x --exec sh -c 'cat <&5; ls /proc/self/fd'
            exec 5<&-
            connect to x </dev/null | tr '\n' ' '
            """)
        // The last is the directory that ls reads.
        #expect(outcome.text == "passed 0 1 2 3 5 ")
    }

    @Test("The argv[0] of an --exec command is the word that was given, as in a shell", arguments: ["sh", "/bin/sh"])
    func firstArgumentIsTheGivenWord(_ word: String) async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec \(word) -c 'tr "\\0" "\\n" </proc/$$/cmdline | head -1'
            connect to x </dev/null
            """)
        #expect(outcome.lines == [word])
    }

    @Test("An --exec command that reads /dev/tty fails and is not stopped")
    func readingTheTerminalFails() async throws {
        let outcome = try await Shell.run(
            """
            mkfifo keys screen
            script -qfec "connect listen x --exec sh -c 'head -1 </dev/tty; echo \\$?'" /dev/null <keys >screen &
            exec 7>keys 8<screen
            next | tr -d '\r'
            connect to x </dev/null 7>&- 8<&-; echo $?
            next | tr -d '\r'
            """)
        #expect(outcome.lines.prefix(3) == ["listening as x", "2", "0"])
        #expect(outcome.lines.last?.contains("/dev/tty") == true)
    }

    @Test(
        "connect listen reports an --exec command that a signal has stopped, and SIGHUP ends it",
        arguments: ["caller", "listener"])
    func stoppedCommandIsReportedAndHungUp(_ who: String) async throws {
        let outcome = try await Shell.run(
            """
            mkfifo alive
            { cat alive; echo gone; } & gone=$!
            start l connect listen x --json --exec sh -c 'exec 5>alive; kill -STOP $$; cat'
            mkfifo a.in; tail -f /dev/null >a.in & connect to x <a.in & caller=$!
            listener=$pid
            until grep -q '"event":"stopped"' l.out; do :; done
            sed -n 's/{\\("event":"stopped".*\\)"pid":[0-9]*\\(.*\\)}/\\1PID\\2/p' l.out
            kill $\(who)
            wait $gone
            kill $listener; said l; grep -c 'port 1: signal 19 has stopped the command, and its caller waits' l.err
            """)
        #expect(outcome.lines == [#""event":"stopped","port":1,PID,"signal":19"#, "gone", "1"])
    }
}
