import ConnectToLinux

@testable import ConnectToPorts

/// Looks once a turn at how much a port has received, and gives it some more each time.
final class TurnWatch: Sendable {
    private let port: MessagePort
    private let peer: RawPeer
    private let loop: EventLoop
    private let counts = Lock<(last: UInt64, most: UInt64)>((0, 0))

    init(port: MessagePort, peer: RawPeer, loop: EventLoop) {
        self.port = port
        self.peer = peer
        self.loop = loop
    }

    var mostInOneTurn: UInt64 { counts.withLock(\.most) }

    func look(turns: Int) {
        loop.reactor.execute { [self] in
            let received = port.line.read { $0.life.received }
            counts.withLock { $0 = (received, max($0.most, received - $0.last)) }
            _ = try? peer.sendWithoutWaiting(Wire.bytes([]))
            if turns > 0 { look(turns: turns - 1) }
        }
    }
}
