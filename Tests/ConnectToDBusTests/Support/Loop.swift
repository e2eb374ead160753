import ConnectToDBus
import ConnectToLinux
import ConnectToTesting
import Glibc

/// Loops for the tests: one for most, and a second for tests whose two sides must not share a thread.
enum Loop {
    private static let made = Result { () throws(SystemError) in try Reactor(name: "dbus-tests") }
    private static let madeSecond = Result { () throws(SystemError) in try Reactor(name: "dbus-tests-2") }

    static var shared: Reactor { get throws { try made.get() } }
    static var second: Reactor { get throws { try madeSecond.get() } }

    /// Returns when the loop has run all its work, turn-end closures included.
    static func runWaitingWork(of reactor: Reactor) async {
        await withCheckedContinuation { continuation in
            reactor.execute {
                // A closure that a turn end submits runs at the end of the next turn.
                reactor.atTurnEnd { reactor.atTurnEnd { continuation.resume() } }
            }
        }
    }
}

extension PrivateBus {
    func open(on reactor: Reactor? = nil) async throws -> BusConnection {
        try await BusConnection.open(address: address, on: try reactor ?? Loop.shared)
    }

    /// This process's descriptors that are connected to the bus.
    func openDescriptors() throws -> [OpenDescriptor] {
        let path = directory + "/bus"
        return try OpenDescriptor.all().filter { peerPath(of: $0.number) == path }
    }
}

private func peerPath(of descriptor: Int32) -> String? {
    var address = sockaddr_un()
    var length = socklen_t(MemoryLayout<sockaddr_un>.size)
    let outcome = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) }
    }
    if outcome != 0 || address.sun_family != sa_family_t(AF_UNIX) { return nil }
    return withUnsafeBytes(of: address.sun_path) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
