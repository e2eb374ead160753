// A replica with a file for tests to kill: `ConnectToTestReplica ROLE FILE [ADDRESS]`.
//
// It says on standard output what was acknowledged to it, a line each.

import ConnectTo
import ConnectToState
import Glibc

func say(_ line: String) {
    print(line)
    fflush(nil)
}

/// Writes one entry after the other, and says the number of each that has been written. Each transaction writes a text
/// besides, so that the file is written anew every few hundred entries.
func writeEntries(_ state: SharedState, until last: Int? = nil) throws {
    let text = String(repeating: "x", count: 1_000)
    var number = state.value(at: "last").flatMap { if case .integer(let last) = $0 { Int(last) } else { nil } } ?? 0
    while number != last {
        number += 1
        try state.transaction { [number] in
            $0.set(StatePath(["entries", "\(number)"]), to: .integer(Int64(number)))
            $0.set("last", to: .integer(Int64(number)))
            $0.set("text", to: .string(text))
        }
        say("\(number)")
    }
}

/// Lets the files of this process be so large at the most; a write above that fails, as on a full disk.
func limitFiles(to bytes: UInt) {
    signal(SIGXFSZ, SIG_IGN)
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
    limit.rlim_cur = min(rlim_t(bytes), limit.rlim_max)
    setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
}

let arguments = CommandLine.arguments
do {
    let state = try SharedState(at: arguments[2])
    switch arguments[1] {
    case "write": try writeEntries(state)
    case "hold":
        say("open")
        _ = readLine()
    case "full":
        limitFiles(to: 20_000)
        do { try writeEntries(state) } catch { say("\(error)") }
        limitFiles(to: .max)
        try state.set("after", to: true)
        say("saved")
        _ = readLine()
    case "share":
        try await state.share(as: "notes", on: Bus.at(arguments[3]))
        say("shared")
        while let last = readLine().flatMap({ Int($0) }) { try writeEntries(state, until: last) }
    default: say("no such role: \(arguments[1])")
    }
} catch {
    say("failed: \(error)")
}
