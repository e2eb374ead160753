import ConnectToTestSupport
import ConnectToTesting
import Testing

/// Each listener is sent six times what it may hold for one caller's process.
@Suite(
    "The memory that connect listen holds for a caller that sends without end", .privateBus, .serialized,
    .timeLimit(.minutes(2)),
    .withPythonGI,
    .disabled(if: isSanitized, "a sanitizer needs memory of its own"))
struct HoardTests {
    /// In KiB: a third of 256 MiB, one message more, the memory that they grew in, and what the process takes anyway.
    private static let bound = (86 + 64 + 64 + 32) << 10

    /// Sends messages of 64 MiB on eight lines, until none of them takes any more.
    private static let peer =
        HostilePeer.python + """
            cat >peer.py <<'end'
            from hostile import *
            lines = [call() for _ in range(8)]
            for line in lines: line.setblocking(False)
            frame = memoryview(header(64 << 20) + bytes([int(sys.argv[1])]) * (64 << 20))
            sent = dict.fromkeys(lines, 0)
            while ready := select.select([], lines, [], 1)[1]:
                for line in ready:
                    try: sent[line] += line.send(frame[sent[line] % len(frame):])
                    except BlockingIOError: pass
            print("stalled", flush=True)
            sys.stdin.read()
            end
            mkfifo hold asked
            # hoard BYTE: what the listener's memory was at the most, once it takes no more.
            hoard() {
                /usr/bin/python3 peer.py "$1" <hold >asked &
                exec 6>hold
                read -r said <asked
                sed -n 's/VmHWM:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$pid/status
            }

            """

    @Test(
        "connect listen holds a bounded amount of memory for one process while its output is not read, and serves other callers",
        arguments: [("", 120), ("--json", 1), ("--exec sleep 1000", 120)])
    func memoryForUnreadMessagesIsBounded(arguments: String, byte: Int) async throws {
        let outcome = try await Shell.run(
            Self.peer + """
                mkfifo unread l.fifo
                sleep 1000 <unread &
                connect listen x \(arguments) </dev/null >unread 2>l.fifo 6>&- &
                pid=$!
                heard l
                hoard \(byte)
                connect to x hello --no-reply; echo $?
                kill $pid; ends $pid
                """)
        let peak = try #require(Int(outcome.lines.first ?? ""))
        #expect(peak < Self.bound)
        #expect(outcome.lines.dropFirst() == ["0", "143"])
    }
}
