import ConnectToTesting
import Testing

@Suite("connect list and connect watch", .privateBus, .timeLimit(.minutes(1))) struct DirectoryTests {
    @Test("connect list shows the registered contexts in order, with control characters escaped")
    func listSortsAndEscapes() async throws {
        let outcome = try await Shell.run(
            """
            start b connect listen b; b=$pid
            start a connect listen "$(printf 'a\\033[31m\\t')"; a=$pid
            start c connect listen c --origin org.example.App; c=$pid
            connect list | sed "s/ $a / A /;s/ $b / B /;s/ $c / C /" | tr -s ' ' | cut -d' ' -f1-4
            echo; connect list --origin org.example.App | wc -l
            """)
        #expect(
            outcome.lines == [
                "NAME ORIGIN PID PROCESS", #"a\u{1B}[31m\t org.connectto A connect"#,
                "b org.connectto B connect", "c org.example.App C connect", "", "2",
            ])
    }

    @Test("connect list --json writes an object on each text line")
    func listJSONIsAnObjectOnEachLine() async throws {
        let outcome = try await Shell.run(
            """
            start a connect listen a
            connect list --json | sed "s/:$pid,/:PID,/;s/\\"uid\\":$(id -u)/UID/"
            """)
        #expect(
            outcome.lines == [
                #"{"name":"a","origin":"org.connectto","pid":PID,"process":"connect",UID,"metadata":{}}"#
            ])
    }

    @Test("connect list without any registered context prints no table, says so on standard error, and exits with 0")
    func emptyListIsNoError() async throws {
        let outcome = try await Shell.run("connect list")
        #expect(outcome.status == 0)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors == "no context is registered\n")
    }

    @Test(
        "connect list --origin without a registered context names the origin, except with --quiet",
        arguments: ["", "--json"])
    func emptyListNamesTheOrigin(_ option: String) async throws {
        let outcome = try await Shell.run(
            """
            start a connect listen a
            connect list --origin org.nope \(option)
            connect list --origin org.nope --quiet \(option)
            """)
        #expect(outcome.status == 0)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors == "no context is registered under org.nope\n")
    }

    @Test("connect list exits with 75 where the bus stops while list asks for the owners")
    func stalledBusIsAnErrorOfList() async throws {
        let outcome = try await Shell.run(
            StallingBus.before(
                "GetNameOwner",
                "start l connect listen x; listener=$pid; connect list --bus $stalling; echo $?; kill $listener"))
        #expect(outcome.lines == ["75"])
        #expect(outcome.errors.contains("was not answered within 5.0 seconds"))
    }

    @Test("connect watch shows the contexts that come and go from its line \"watching\" on")
    func watchShowsChangesOnceItSaysSo() async throws {
        let outcome = try await Shell.run(
            """
            start old connect listen old
            converse w connect watch
            echo "$first"
            w=$pid
            start a connect listen "$(printf 'a\\nb')"
            next | sed "s/ $pid / PID /"
            kill $pid
            next
            kill $w; ends $w
            """)
        #expect(
            outcome.lines == [
                "watching all origins", #"registered    a\nb  by PID (connect)"#, #"unregistered  a\nb"#,
                "143",
            ])
    }

    @Test("connect watch --json writes an object on each text line, for one origin with --origin")
    func watchJSONIsAnObjectOnEachLine() async throws {
        let outcome = try await Shell.run(
            """
            converse w connect watch --json --origin org.example.App
            start b connect listen other
            start a connect listen a --origin org.example.App
            next | sed "s/:$pid,/:PID,/;s/\\"uid\\":$(id -u)/UID/"
            kill -KILL $pid
            next
            """)
        #expect(
            outcome.lines == [
                #"{"event":"registered","name":"a","origin":"org.example.App","pid":PID,"process":"connect",UID,"metadata":{}}"#,
                #"{"event":"unregistered","name":"a","origin":"org.example.App","pid":null,"process":null,"uid":null,"metadata":null}"#,
            ])
    }
}
