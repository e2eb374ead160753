import ConnectToTesting
import Testing

@Suite("connect to, when the reader of its output has gone", .privateBus, .timeLimit(.minutes(1)))
struct OutputReaderTests {
    @Test(
        "connect to exits with 0 and closes in order when the reader of its output has gone and all is sent",
        arguments: ["", "--json", "--reconnect", "--reconnect --json", "--replies 9", "--raw"])
    func callEndsInOrder(_ options: String) async throws {
        let outcome = try await Shell.run(
            """
            # The peer closes only when the call has ended.
            start l connect listen x \(options == "--raw" ? "--raw" : "") --exec sh -c 'seq 1 5; exec tail -f /dev/null'
            mkfifo a.out; connect to x \(options) </dev/null >a.out 2>a.err & to=$!
            sed -n 5q <a.out
            ends $to; cat a.err
            """)
        #expect(outcome.lines == ["0"])
    }

    @Test(
        "connect to sends the rest of its input when the reader of its output has gone",
        arguments: ["", "--reconnect", "--raw"])
    func restOfTheInputIsSent(_ options: String) async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x \(options == "--raw" ? "--raw" : "")
            mkfifo a.in a.out; connect to x \(options) <a.in >a.out & to=$!
            exec 5>a.in 6<a.out
            echo one >&5; until grep -q one l.out; do :; done
            exec 6<&-
            echo two >&5; exec 5>&-
            ends $to; until grep -q two l.out; do :; done
            """)
        #expect(outcome.lines == ["0"])
    }

    @Test(
        "connect to exits with 74 and one line when a message comes after the reader of its output has gone",
        arguments: ["", "--json", "--reconnect", "--raw"])
    func messageWithoutAReaderIs74(_ options: String) async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x \(options == "--raw" ? "--raw" : "") --exec cat
            mkfifo a.in a.out; connect to x \(options) <a.in >a.out 2>a.err & to=$!
            exec 5>a.in 6<a.out
            exec 6<&-
            echo one >&5
            ends $to; cut -d' ' -f-6 a.err
            """)
        #expect(outcome.lines == ["74", "connect: the reader of standard output"])
    }

    @Test(
        "connect to does not break a pipeline under pipefail when its reader ends first",
        arguments: ["seq 1 5; sleep .05", "seq 1 5"])
    func pipelineDoesNotBreak(_ command: String) async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --exec sh -c '\(command)'
            bash -c 'connect to x </dev/null | sed 5q; echo "${PIPESTATUS[*]}"'
            mkdir d; seq 1 1000 >d/file
            start r connect listen r --raw --exec sh -c 'tar cf - d; sleep .05'
            bash -o pipefail -c 'connect to r --raw </dev/null | tar tf -'; echo $?
            """)
        #expect(outcome.lines == ["1", "2", "3", "4", "5", "0 0", "d/", "d/file", "0"])
    }
}
