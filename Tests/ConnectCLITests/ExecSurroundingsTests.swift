import ConnectToTesting
import Testing

/// What a command finds when it starts, and how signals stop it.
@Suite("What a command of --exec is given", .privateBus, .timeLimit(.minutes(1))) struct ExecSurroundingsTests {
    @Test("It has the descriptors that listen was started with, and none that listen has opened")
    func descriptors() async throws {
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

    @Test("Its name is the word that was given, as in a shell", arguments: ["sh", "/bin/sh"])
    func name(_ word: String) async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec \(word) -c 'tr "\\0" "\\n" </proc/$$/cmdline | head -1'
            connect to x </dev/null
            """)
        #expect(outcome.lines == [word])
    }

    @Test("It has no terminal to ask on: it fails, and is not stopped")
    func terminal() async throws {
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

    @Test("That a signal stops it is told, and SIGHUP ends it all the same", arguments: ["caller", "listener"])
    func stopped(_ who: String) async throws {
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
            kill $listener; said l; grep -c 'port 1: signal 19 has stopped the command, and its peer waits' l.err
            """)
        #expect(outcome.lines == [#""event":"stopped","port":1,PID,"signal":19"#, "gone", "1"])
    }
}
