import CBench
import ConnectTo
import Glibc

/// The other process, which is this program again, and the bus on which the two meet.
struct FarProcess: Sendable {
    let processID: pid_t
    let bus: Bus
    /// The context that it serves by roles; that which says "Welcome" has `-welcome` after it.
    let name: String

    /// - Parameter number: which one it is, for more than one.
    init(_ work: Work, number: Int = Int(getpid())) async throws {
        name = "bench-\(number)"
        var pid = pid_t()
        let arguments: [UnsafeMutablePointer<CChar>?] = [
            strdup("Bench"), strdup("serve"), strdup("\(number)"), strdup("0"), nil,
        ]
        let error = posix_spawn(&pid, "/proc/self/exe", nil, nil, arguments, environ)
        check(error == 0, "the other process cannot be started: \(String(cString: strerror(error)))")
        processID = pid
        bus = try await Bus.at(work.address)
    }

    /// A line to it, on which it plays a part.
    func line(as role: Server.Role) async throws -> MessagePort {
        let port = bus.connectTo(name)
        try port.postMessage(role.rawValue)
        try await port.waitUntilOpen()
        return port
    }

    func end() {
        kill(processID, SIGKILL)
        waitpid(processID, nil, 0)
    }
}
