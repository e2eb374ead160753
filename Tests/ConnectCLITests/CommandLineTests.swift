import ConnectToTesting
import Testing

@Suite("The command line of connect", .privateBus, .timeLimit(.minutes(1))) struct CommandLineTests {
    @Test(
        "A wrong command line is 64, with one line on standard error",
        arguments: [
            "", "lisen", "listen", "listen a b", "to", "list x", "to x --replies 0",
            "to x --replies 1 --no-reply", "to x --wait soon",
            "to x --timeout -1", "to x --wait -1", "to x --replies -1", "--frob", "list --bus",
            "list --bus nowhere", "listen x --exec",
            "listen x --exec --",
            "list --origin nodots", "to x hello --raw", "to x --raw --json", "to x --raw --bytes",
            "to x --as-json --raw", "to x --as-json --bytes", "listen x --as-json --raw", "to x --bytes hello",
            "to x --bytes --file /dev/null", "to x --file", "listen x --raw --json",
            "listen x --raw --drop-after 1", "listen x --drop-after soon", "listen x --force",
            "listen x --save /no/such/directory", "listen x --save . --raw",
            "bench", "pool", "pool --", "pool -j 0 cat", "pool -j many cat", "pool --retries -1 cat",
            "pool --each --argument cat",
            "pool --as-json cat", "pool --type '' cat", "pool ./nothing", "pool --bus session cat",
        ])
    func wrongUsageIs64(_ arguments: String) async throws {
        let outcome = try await Shell.run("connect \(arguments)")
        #expect(outcome.status == 64)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("connect: "))
        #expect(outcome.errors.count { $0 == "\n" } == 1)
    }

    @Test(
        "A wrong command line is answered with what is wrong and the help of that subcommand",
        arguments: [
            ("listen a b", "'b'; see connect listen --help"),
            ("to x --wiat 1", "'--wait'? See connect to --help."),
            ("lisen x", "no subcommand 'lisen'. Did you mean 'listen'? See connect --help."),
            ("help actvate", "Did you mean 'activate'?"),
            ("frob", "no subcommand 'frob'; the subcommands are listen, to, call, "),
            ("", "give a subcommand: listen, to, "), ("--quiet", "see connect --help"),
            ("listen x --allow foo", "with commas between them. See connect listen --help."),
            ("help frob", "no subcommand 'frob'"), ("''", "no subcommand ''"),
            ("to x --replies few", "give a number of at least 1"),
            ("listen --exec cat x", "so write it last: NAME --exec -- COMMAND…"),
            ("listen x --exec", "--exec needs a command: NAME --exec -- COMMAND…"),
            ("to --file /etc/hostname x", "--file takes all paths after it, so write NAME first"),
            (
                "pool --tiemout 1 cat",
                "there is no option --tiemout; a command of that name comes after two dashes; see connect pool"
            ),
            ("pool -j 2", "give the command that does the tasks: connect pool COMMAND…; see connect pool --help"),
        ])
    func wrongUsageNamesTheHelp(_ arguments: String, _ part: String) async throws {
        let outcome = try await Shell.run("connect \(arguments)")
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains(part))
        #expect(outcome.errors.count { $0 == "\n" } == 1)
    }

    @Test(
        "Help, version and completion scripts go to standard output",
        arguments: [
            ("--help", "SUBCOMMANDS"), ("listen --help", "--exec"), ("help to", "--wait"), ("--version", "."),
            ("pool --help", "--joblog"), ("pool -h", "--joblog"), ("help pool", "--joblog"), ("pool --version", "."),
            ("list --help", "of all origins"), ("watch --help", "of all origins"),
            ("--generate-completion-script bash", "complete"),
            ("--generate-completion-script zsh", "#compdef"),
            ("--generate-completion-script fish", "complete"),
        ])
    func helpGoesToStandardOutput(_ arguments: String, _ part: String) async throws {
        let outcome = try await Shell.run("connect \(arguments)")
        #expect(outcome.status == 0)
        #expect(outcome.text.contains(part))
        #expect(outcome.errors.isEmpty)
    }

    @Test(
        "Help, version and completion scripts that cannot be written are 74, with one line",
        arguments: ["--help", "help to", "--version", "--generate-completion-script bash"], [">/dev/full", ">&-"])
    func unwritableHelpIs74(_ arguments: String, _ redirection: String) async throws {
        let outcome = try await Shell.run("connect \(arguments) \(redirection)")
        #expect(outcome.status == 74)
        #expect(outcome.errors.hasPrefix("connect: standard output cannot be written"))
        #expect(outcome.errors.count { $0 == "\n" } == 1)
    }

    @Test(
        "The completion script offers paths where an option takes a path",
        arguments: [
            ("to x --file fi", "file"), ("listen x --exec ./fi", "./file"),
            ("listen x --save di", "directory"),
            ("activate x -- fi", "file"), ("pool --joblog fi", "file"), ("list --bus sy", "system"),
        ])
    func completionOffersPaths(_ line: String, _ word: String) async throws {
        let outcome = try await Shell.run(
            """
            : >file; mkdir directory
            bash -c '
                . <(connect --generate-completion-script bash)
                COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
                _connect connect "${@: -1}" "${@: -2:1}"; printf "%s\\n" "${COMPREPLY[@]}"
            ' bash connect \(line)
            """)
        #expect(outcome.lines.contains(word))
    }

    @Test("A bus that cannot be reached is 69, with one line", arguments: ["list", "watch", "listen x", "to x y"])
    func noBusIs69(_ arguments: String) async throws {
        for bus in ["unix:path=/nowhere/at/all", "nonsense", ""] {
            let outcome = try await Shell.run("connect \(arguments)", bus: bus)
            #expect(outcome.status == 69)
            #expect(outcome.errors.hasPrefix("connect: "))
            #expect(outcome.errors.count { $0 == "\n" } == 1)
        }
    }

    @Test("An unreachable address given to --bus is named once, and no environment variable with it")
    func addressOfTheBusOptionIsNamedOnce() async throws {
        let errors = try await Shell.run("connect list --bus unix:path=/nowhere").errors
        #expect(errors.split(separator: "unix:path=/nowhere", omittingEmptySubsequences: false).count == 2)
        #expect(!errors.contains("DBUS_SESSION_BUS_ADDRESS"))
    }

    @Test(
        "A negative --wait or --timeout is answered with the range of the option",
        arguments: ["--wait -1", "--timeout -1"])
    func numberOutOfRangeNamesTheRange(_ option: String) async throws {
        #expect(try await Shell.run("connect to x \(option)").errors.contains("0 or more"))
    }

    @Test(
        "connect listen --exec explains with 64 why its command cannot be run",
        arguments: [
            ("./no-such", "no such file"), ("no-such", "no such command; give its path"),
            ("'sed s/a/b/'", "each word as an argument"),
            ("./file", "not executable"), ("./", "directory"),
        ])
    func unusableExecCommandIsExplained(_ command: String, _ part: String) async throws {
        let outcome = try await Shell.run(": >file; connect listen x --exec \(command)")
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains(part))
    }

    @Test("connect to explains with 74 that too few descriptors are left (ulimit -n)")
    func fewDescriptorsAreExplained() async throws {
        let outcome = try await Shell.run(
            "for limit in 4 5 6 7 8 9 10; do (ulimit -n $limit; connect to x hello; echo $?); done")
        #expect(outcome.lines.count == 7)
        #expect(outcome.lines.allSatisfy { ["68", "74"].contains($0) })
        #expect(outcome.errors.split(separator: "\n").count { $0.hasPrefix("connect: ") } == 7)
        #expect(!outcome.errors.contains("is the bus running"))
        #expect(outcome.errors.contains("(ulimit -n)"))
    }

    @Test("--bus takes an address, whatever DBUS_SESSION_BUS_ADDRESS says")
    func busOptionTakesAnAddress() async throws {
        let address = try PrivateBus.current.address
        let outcome = try await Shell.run(
            "connect list --bus '\(address)'; echo $?", bus: "unix:path=/nowhere")
        #expect(outcome.lines == ["0"])
    }

    @Test(
        "connect listen and watch report that the bus goes and is back, and open ports go on meanwhile"
    )
    func listenAndWatchSurviveARestartOfTheBus() async throws {
        let bus = try PrivateBus.current
        let outcome = try await Shell.run(
            """
            start w connect watch; w=$pid
            converse l connect listen x --json
            next >/dev/null
            mkfifo a.in
            connect to x <a.in 7>&- 8<&- & to=$!
            exec 5>a.in
            next >/dev/null
            echo first >&5; next >/dev/null
            kill -KILL \(bus.processID)
            next | grep -o '"status":"reconnecting"'
            echo still >&5; exec 5>&-
            next | grep -o '"text":"still"'
            next >/dev/null; echo '{"port":1,"close":true}' >&7
            next | grep -o '"event":"close"'
            ends $to
            dbus-daemon --config-file=\(bus.directory)/bus.conf --nofork --nosyslog 7>&- 8<&- &
            next | grep -o '"status":"connected"'
            connect to x again --no-reply --wait 5; echo $?
            next >/dev/null; next | grep -o '"text":"again"'
            kill $pid; ends $pid
            until grep -q 'is back' w.err; do :; done
            grep -c 'the bus is gone' w.err
            kill $w; ends $w
            """)
        #expect(
            outcome.lines == [
                #""status":"reconnecting""#, #""text":"still""#, #""event":"close""#, "0",
                #""status":"connected""#, "0", #""text":"again""#, "143", "1", "143",
            ])
    }

    @Test("connect watch reports a bus that stays away once, with what to do, and exits with 69")
    func busThatStaysAwayIsReportedOnce() async throws {
        let outcome = try await Shell.run(
            """
            start w connect watch --patience 0.1
            kill -KILL \(try PrivateBus.current.processID)
            ends $pid; said w; grep '^connect: ' w.err
            """)
        #expect(outcome.lines == ["69", "connect: the bus is gone; watch again when it is back"])
    }

    @Test("connect listen --replace takes the name from a --replaceable listener, which exits with 73")
    func replaceTakesTheNameOver() async throws {
        let outcome = try await Shell.run(
            """
            start a connect listen x; a=$pid
            connect listen x --replace; echo $?
            kill $a; ends $a
            start b connect listen x --replaceable; b=$pid
            start c connect listen x --replace; c=$pid
            ends $b; said b; grep -c 'taken over the name x' b.err
            connect listen x --replace; echo $?
            kill $c; ends $c
            """)
        #expect(outcome.lines == ["73", "143", "73", "1", "73", "143"])
        #expect(outcome.errors.contains("only from a listener that was started with --replaceable"))
    }

    @Test("--quiet leaves only errors on standard error")
    func quietKeepsErrorsOnly() async throws {
        let outcome = try await Shell.run("connect list --quiet; connect to x y -q")
        #expect(outcome.status == 68)
        #expect(outcome.errors.count { $0 == "\n" } == 1)
    }

    @Test("A name that begins with a dash is read after two dashes")
    func nameWithADashComesAfterTwoDashes() async throws {
        #expect(try await Shell.run("connect to -- -x hello").status == 68)
    }
}
