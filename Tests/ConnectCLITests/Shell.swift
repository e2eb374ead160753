import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Subprocess
import SystemPackage
import Testing

/// Runs scripts in `sh`, with the built command in PATH and the test's own bus as the session bus.
///
/// A script begins in a fresh directory and knows some functions; see ``prelude``. Everything it leaves running
/// in its process group is killed when it ends.
enum Shell {
    struct Outcome: Sendable {
        /// The script's exit status, 128 and more for a signal.
        let status: Int32
        let output: [UInt8]
        let errors: String

        var text: String { String(decoding: output, as: UTF8.self) }
        /// The lines of the output, the last newline ends one.
        var lines: [String] {
            var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            if lines.last == "" { lines.removeLast() }
            return lines
        }
        /// The lines of the output, each close event without its `detail`, whose wording may change.
        var events: [String] {
            lines.map { line in
                guard line.hasPrefix(#"{"event":"close""#), let detail = line.firstRange(of: #","detail":""#) else {
                    return line
                }
                return line[..<detail.lowerBound] + "}"
            }
        }
    }

    /// What every script can use.
    private static let prelude = """
        # start LABEL COMMAND…: in the background with an empty standard input; waits for its first line on
        # standard error. Its standard output goes to LABEL.out, the rest of its standard error to LABEL.err.
        start() {
            label=$1; shift
            mkfifo "$label.fifo"
            "$@" </dev/null >"$label.out" 2>"$label.fifo" &
            pid=$!
            heard "$label"
        }
        # heard LABEL: waits for the first line in LABEL.fifo, and lets the rest run to LABEL.err.
        heard() {
            exec 9<"$1.fifo"
            read -r first <&9
            cat <&9 >"$1.err" 7>&- 8<&- &
            eval "rest_$1=$!"
            exec 9<&-
        }
        # said LABEL: waits until LABEL.err is whole.
        said() { eval "wait \\$rest_$1"; }
        # converse LABEL COMMAND…: the same with its standard input at descriptor 7 and its output at 8.
        converse() {
            label=$1; shift
            mkfifo "$label.fifo" "$label.in" "$label.out"
            "$@" <"$label.in" >"$label.out" 2>"$label.fifo" &
            pid=$!
            exec 7>"$label.in" 8<"$label.out"
            heard "$label"
        }
        # next: one line of that output, printed.
        next() { read -r line <&8; printf '%s\\n' "$line"; }
        # hold NAME COMMAND…: in the background, with an input that stays open and empty.
        hold() {
            label=$1; shift
            mkfifo "$label.in"
            tail -f /dev/null >"$label.in" 2>/dev/null 7>&- 8<&- &
            "$@" <"$label.in" >"$label.out" 2>"$label.err" 7>&- 8<&- &
            held=$!
        }
        # ready PID: waits until it handles SIGINT, which a script's background jobs begin with as ignored. Seen by
        # SIGTERM, which the command handles next: SIGINT the shell handles itself, and so do its children at first.
        ready() { until grep -q '^SigCgt.*[4567cdef]...$' "/proc/$1/status"; do :; done; }
        # freeze PID: stops it, and waits until all its threads stand still.
        freeze() {
            kill -STOP "$1"
            while grep -L '^State:.T' "/proc/$1/task"/*/status | grep -q .; do :; done
        }
        # ends PID: waits for it, and prints its exit status.
        ends() { wait "$1"; echo $?; }

        """

    static func run(
        _ script: String, bus: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Outcome {
        let address = try bus ?? PrivateBus.current.address
        let directory = try PrivateBus.current.directory + "/work"
        mkdir(directory, 0o700)
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [
            .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)
        ]
        let result = try await tellingWhatHangs(in: directory, sourceLocation: sourceLocation) {
            try await Subprocess.run(
                .path("/bin/sh"), arguments: ["-c", prelude + script],
                environment: .inherit.updating([
                    "DBUS_SESSION_BUS_ADDRESS": address, "PATH": "\(products):/usr/bin:/bin", "LC_ALL": "C.UTF-8",
                ]),
                workingDirectory: FilePath(directory), platformOptions: options,
                input: .none, output: .bytes(limit: 256 << 20), error: .bytes(limit: 1 << 20))
        }
        kill(-result.processIdentifier.value, SIGKILL)
        let status: Int32 =
            switch result.terminationStatus {
            case .exited(let code): code
            case .signaled(let number): 128 + number
            }
        return Outcome(
            status: status, output: result.standardOutput,
            errors: String(decoding: result.standardError, as: UTF8.self))
    }
}
