import ConnectToTesting
import Testing

@testable import ConnectCLI

@Suite(
    "connect listen --save with files that never arrive whole", .privateBus, .timeLimit(.minutes(1)),
    .enabled(if: TroubledFiles.areAvailable, "needs root and /dev/fuse")) struct TroubledFileTests
{
    @Test("connect listen --save does not store a file that ends before its announced size, and names both sizes")
    func shorterFileIsNotSaved() async throws {
        let outcome = try await Shell.run(
            TroubledFiles.prelude + """
                mkdir to; start l connect listen x --save to --json
                troubled connect to x --file mnt/short-1
                kill $pid; wait $pid; said l; kill $server
                grep -o '"saved":[a-z]*' l.out; grep -o '1000 of 1048576 bytes' l.err; ls -A to
                """)
        #expect(outcome.lines == ["0", "\"saved\":false", "1000 of 1048576 bytes"])
    }

    @Test("A file that never arrives does not delay the files of other callers", arguments: ["hangs", "unsized"])
    func hangingFileDoesNotDelayOtherCallers(_ kind: String) async throws {
        let outcome = try await Shell.run(
            TroubledFiles.prelude + """
                mkdir to; echo 1 >honest
                start l connect listen x --save to
                troubled connect to x --no-reply --file mnt/\(kind)-1
                connect to x --timeout 10 --file honest; echo $?
                ls -A to; kill $server
                """)
        #expect(outcome.lines == ["0", "0", "honest"])
    }

    @Test("connect to --file exits with 74 where too many of its files are open and cannot be closed")
    func filesThatCannotBeClosedAre74() async throws {
        let outcome = try await Shell.run(
            TroubledFiles.prelude + """
                start l connect listen x
                python3 \(TroubledFiles.script) mnt sh -c \
                    'ulimit -n 40; connect to x --file $(seq -f mnt/unclosable-%.0f 60) 2>errors; echo $? >code' & server=$!
                # Until its files can be closed, it cannot end.
                until grep -q . errors; do :; done 2>/dev/null
                kill $server; until [ -s code ]; do :; done
                cat code; grep -o 'allow more open files.*' errors; kill $pid
                """)
        #expect(outcome.lines == ["74", "allow more open files (ulimit -n)"])
    }

    @Test(
        "connect listen --save --max-stall gives up a file that never arrives, and says so",
        arguments: ["hangs", "unsized"])
    func hangingFileIsGivenUp(_ kind: String) async throws {
        let outcome = try await Shell.run(
            TroubledFiles.prelude + """
                mkdir to; echo 1 >honest
                start l connect listen x --save to --json --max-stall 0.2
                troubled connect to x --file mnt/\(kind)-1 honest
                kill $server; kill $pid; ends $pid; said l
                grep -o '"files".*' l.out; grep -o 'no byte of it arrived for 0.2 s' l.err; ls -A to
                """)
        let size = kind == "unsized" ? "null" : "1048576"
        #expect(
            outcome.lines == [
                "0", "143", #""files":[{"name":"\#(kind)-1","size":\#(size),"saved":false}],"transferred":1}"#,
                #""files":[{"name":"honest","size":2,"saved":true}],"transferred":1}"#,
                "no byte of it arrived for 0.2 s", "honest",
            ])
    }
}
