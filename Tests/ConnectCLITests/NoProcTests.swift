import ConnectToTesting
import Glibc
import Testing

/// As in a bare chroot.
@Suite(
    "connect without /proc", .privateBus, .timeLimit(.minutes(1)),
    .enabled(if: getuid() == 0, "needs root, to cover /proc with another file system"),
    .disabled(if: isSanitized, "a sanitizer reads /proc, and says so where it cannot"))
struct NoProcTests {
    @Test("Subcommands work without /proc as far as they need no other process")
    func everySubcommandWorksWithoutProc() async throws {
        let outcome = try await Shell.run(
            """
            unshare -m sh -c '
                mount -t tmpfs none /proc
                connect --version >/dev/null; echo $?
                connect to nobody; echo $?
                connect bogus; echo $?
                connect "$(printf "to\\377")"; echo $?
                mkfifo plain exec
                connect listen plain >out 2>plain & plain=$!
                read -r line <plain; echo "$line"
                connect listen exec --exec cat 2>exec & exec=$!
                read -r line <exec; echo "$line"
                connect to plain hi </dev/null; echo $?
                connect to exec hello </dev/null; echo $?
                connect list | cut -d" " -f1
                connect info exec >/dev/null; echo $?
                connect doctor exec >/dev/null; echo $?
                kill $plain $exec; wait $plain; cat out'
            """)
        #expect(
            outcome.lines == [
                "0", "68", "64", "64", "listening as plain", "listening as exec", "0", "hello", "0", "NAME", "exec",
                "plain", "0", "0", "hi",
            ])
    }
}
