import CConnectToDBus
import CConnectToLinux
import ConnectToLinux
import Glibc

@testable import ConnectToDBus

extension BusConnection {
    /// Calls the bus, and blocks the loop until the reply has arrived and the deadline has passed.
    func callWhileStopped(completion: @escaping Completion) {
        let start = clinux_monotonic_nanoseconds()
        call(.toBus("GetId"), deadline: .milliseconds(1), completion: completion)
        var socket = pollfd(fd: -1, events: Int16(POLLIN), revents: 0)
        dbus_connection_get_socket(link.connection, &socket.fd)
        poll(&socket, 1, 10_000)
        while clinux_monotonic_nanoseconds() - start < 2_000_000 {}
    }
}
