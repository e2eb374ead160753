import ConnectToTesting
import Glibc
import Testing

@Suite("listen --allow and --deny, to --expect", .privateBus, .timeLimit(.minutes(1)))
struct AdmissionTests {
    @Test(
        "connect listen --allow and --deny admit the callers that match the rules and refuse the others with 77",
        arguments: [
            ("--allow same-user", 0), ("--allow everyone", 0), ("--allow uid=\(geteuid())", 0),
            ("--allow uid=4242", 77), ("--allow uid=4242 --allow gid=\(getegid())", 0),
            ("--allow uid=\(geteuid()),uid=4242", 77), ("--allow user=root", geteuid() == 0 ? 0 : 77),
            ("--allow group=root", getegid() == 0 ? 0 : 77), ("--allow origin=org.x", 77),
            ("--deny everyone", 77), ("--deny uid=4242", 0), ("--deny same-user --allow everyone", 77),
            (#"--allow "executable=$(command -v connect)""#, 0),
            (#"--deny "executable=$(command -v connect)""#, 77), ("--deny executable=/bin/sh", 0),
        ] as [(String, Int32)])
    func allowAndDenyDecideWhoIsAdmitted(_ options: String, _ status: Int32) async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x \(options)
            connect to x hello --no-reply
            """)
        #expect(outcome.status == status)
        if status == 77 { #expect(outcome.errors.contains("its rules do not admit this program")) }
    }

    @Test("connect listen --allow finds users and groups that only getent knows, by their exact names")
    func usersAndGroupsComeFromGetentToo() async throws {
        let outcome = try await Shell.run(
            """
            mkdir bin
            printf '#!/bin/sh\\n[ $3 = remote ] && echo "remote:x:%d:"; [ $3 = 4242 ] && echo other:x:4242:' $(id -u) \
                >bin/getent
            chmod +x bin/getent; PATH=$PWD/bin:$PATH
            start l connect listen x --allow user=remote
            connect to x hello --no-reply; echo $?; kill $pid
            connect listen y --allow group=4242; echo $?
            """)
        #expect(outcome.lines == ["0", "64"])
    }

    @Test("connect listen --allow group=NAME takes a group with more members than a pipe holds")
    func groupMayHaveMoreMembersThanAPipeHolds() async throws {
        let outcome = try await Shell.run(
            """
            mkdir bin
            printf '#!/bin/sh\\nprintf many:x:%d:; exec seq -s, 100000' $(id -g) >bin/getent
            chmod +x bin/getent; PATH=$PWD/bin:$PATH
            start l connect listen x --allow group=many
            connect to x hello --no-reply
            """)
        #expect(outcome.status == 0)
    }

    @Test("connect to --expect sends nothing to another owner of the name and exits with 77")
    func unexpectedOwnerGetsNothing() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x
            connect to x secret --no-reply --expect uid=4242; echo $?
            connect to x secret --no-reply --wait 10 --expect executable=/bin/sh; echo $?
            connect to x hello --expect uid=$(id -u),application=org.connectto; echo $?
            kill $pid; wait $pid; cat l.out
            """)
        #expect(outcome.lines == ["77", "77", "0", "hello"])
    }

    @Test("connect listen --json shows the executable of each peer")
    func jsonShowsTheExecutableOfThePeer() async throws {
        let outcome = try await Shell.run(
            """
            converse l connect listen x --json
            next >/dev/null
            hold a connect to x
            next | grep -c "executable.:.$(command -v connect)"
            """)
        #expect(outcome.lines == ["1"])
    }

    @Test(
        "A malformed rule of --allow, --deny or --expect is 64, with one line",
        arguments: [
            "listen x --allow", "listen x --allow nobody", "listen x --allow uid=-1",
            "listen x --allow uid=x",
            "listen x --allow user=no-such-user", "listen x --deny group=no-such-group",
            "listen x --deny origin=nodots", "listen x --allow executable=connect",
            "listen x --allow colour=red",
            "to x --expect", "to x --expect ,", "to x --expect gid=4294967296",
        ])
    func malformedRulesAre64(_ arguments: String) async throws {
        let outcome = try await Shell.run("connect \(arguments)")
        #expect(outcome.status == 64)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("connect: "))
        #expect(outcome.errors.count { $0 == "\n" } == 1)
    }
}
