import CConnectToLinux
import ConnectToLinux
import Glibc
import Testing

@Suite("Closing descriptors from peers", .timeLimit(.minutes(1)))
struct PeerDescriptorCloserTests {
    @Test("Other descriptors are closed while closing three of them blocks")
    func closingGoesOnWhileSomeBlock() throws {
        // Closing a socket with SO_LINGER blocks until its peer has read everything, or has gone.
        let stuck = try (0..<3).map { _ in try LingeringSocket() }
        for socket in stuck { socket.release() }
        // The end of file comes when the last copy of the other end is closed.
        var ends: [Int32] = [0, 0]
        try systemCall("pipe") { pipe(&ends) }
        let reading = Descriptor(adopting: ends[0])
        do { _ = Descriptor(adopting: ends[1], from: .peer) }
        var poll = pollfd(fd: reading.rawValue, events: Int16(POLLIN), revents: 0)
        #expect(Glibc.poll(&poll, 1, 10_000) == 1)
        // With the peers gone the blocked descriptors are closed too.
        for socket in stuck { socket.resetPeer() }
        Descriptor.waitUntilAllAreClosed()
    }

    @Test("A shut-down socket without unread input is closed at once, on the releasing thread")
    func socketWithoutInputClosedAtOnce() throws {
        let number: Int32
        do {
            let (near, far) = try StreamSocket.pair()
            let line = StreamSocket(Descriptor(adopting: try far.descriptor.duplicateNumber(), from: .peer))
            number = line.descriptor.rawValue
            line.shutdown()
            withExtendedLifetime(near) {}
        }
        #expect(fcntl(number, F_GETFD) == -1)
    }

    @Test(
        "Releasing a socket does not block, though closing a descriptor unread in it does",
        arguments: [Descriptor.Origin.own, .peer])
    func blockingDescriptorUnreadInSocket(_ origin: Descriptor.Origin) throws {
        let stuck = try LingeringSocket()
        var ends: (near: StreamSocket, far: StreamSocket)? = try StreamSocket.pair()
        let line = try #require(ends).far.descriptor.duplicateNumber()
        try stuck.move(into: #require(ends).near)
        ends = nil
        var socket: StreamSocket? = StreamSocket(Descriptor(adopting: line, from: origin))
        socket?.shutdown()
        // If this closed the socket itself, it would block for a minute.
        socket = nil
        #expect(socket == nil)
        stuck.resetPeer()
        Descriptor.waitUntilAllAreClosed()
    }
}

/// A TCP connection over the loopback with full buffers, so that closing its one end waits for the other.
private final class LingeringSocket {
    private var end: Descriptor?
    private var peer: Descriptor?

    init() throws {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let listener = Descriptor(adopting: try systemCall("socket") { socket(AF_INET, type, 0) })
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let caller = try withUnsafeMutablePointer(to: &address) { address in
            try address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                try systemCall("bind") { bind(listener.rawValue, address, length) }
                try systemCall("listen") { listen(listener.rawValue, 1) }
                try systemCall("getsockname") { getsockname(listener.rawValue, address, &length) }
                let caller = Descriptor(
                    adopting: try systemCall("socket") { socket(AF_INET, type, 0) }, from: .peer)
                try systemCall("connect") { connect(caller.rawValue, address, length) }
                return caller
            }
        }
        peer = Descriptor(adopting: try systemCall("accept") { accept(listener.rawValue, nil, nil) })
        let block = [UInt8](repeating: 0, count: 1 << 20)
        while send(caller.rawValue, block, block.count, Int32(MSG_DONTWAIT)) > 0 {}
        var seconds = linger(l_onoff: 1, l_linger: 60)
        try systemCall("setsockopt") {
            setsockopt(
                caller.rawValue, SOL_SOCKET, SO_LINGER, &seconds, socklen_t(MemoryLayout<linger>.size))
        }
        end = caller
    }

    func release() { end = nil }

    /// Sends the end into a socket, which then holds the last reference to it.
    func move(into socket: StreamSocket) throws {
        try socket.send("x", descriptors: [try #require(end).rawValue])
        end = nil
        Descriptor.waitUntilAllAreClosed()
    }

    /// Closing the peer with unread input resets the connection.
    func resetPeer() { peer = nil }
}
