import ConnectToTesting
import FoundationEssentials
import Glibc
import Subprocess

/// The bus has not answered.
struct NoAnswer: Error {}

/// The names a bus tells of, asked by a program that has nothing to do with this package.
func names(on bus: PrivateBus, method: String = "ListNames") async throws -> [String] {
    let result = try await run(
        .name("dbus-send"),
        arguments: [
            "--bus=\(bus.address)", "--print-reply=literal", "--dest=org.freedesktop.DBus", "/",
            "org.freedesktop.DBus.\(method)",
        ],
        output: .string(limit: 1 << 20))
    guard result.terminationStatus.isSuccess else { throw NoAnswer() }
    return result.standardOutput.split { $0.isWhitespace }.map(String.init).filter {
        $0.contains(".") || $0.contains(":")
    }
}

func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// Whether the bus's process exists, running or not yet waited for. A broker whose launcher was killed before it
/// is for init to wait for, whenever that gets to it: of that one only running counts.
func isAlive(_ bus: PrivateBus) -> Bool {
    BusProgram.chosen == .broker ? isRunning(bus.processID) : kill(bus.processID, 0) == 0
}

/// Whether a process, of whomever, runs; one that has ended and is not yet waited for does not.
func isRunning(_ processID: Int32) -> Bool {
    let state = try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8)
    return state?.contains(") Z ") == false
}

/// Whether the daemon runs; a process that has ended and is not yet waited for does not.
func isRunning(_ bus: PrivateBus) -> Bool {
    var info = siginfo_t()
    return waitid(P_PID, id_t(bus.processID), &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_signo == 0
}
