import CConnectToLinux
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToPorts

/// What ports bring along is believed only by themselves: they end, and the line that they came on lives on.
@Suite("A port from a hostile peer", .chosenExecutor, .timeLimit(.minutes(1)))
struct HostileCargoTests {
    /// Sends a port with its other end, and takes it.
    private func receive(
        _ item: [UInt8], from enemy: Enemy, _ more: [Descriptor] = []
    ) async throws -> (port: MessagePort, farEnd: StreamSocket) {
        let (near, far) = try StreamSocket.pair()
        try await enemy.send(
            messageWithTable(table(item), descriptors: 1 + more.count), [near.descriptor] + more)
        var messages = enemy.port.messages.makeAsyncIterator()
        let port = try #require(try await messages.next()?.ports.first)
        return (port, far)
    }

    private func expectAlive(_ enemy: Enemy) async throws {
        try await enemy.send(text("alive"))
        var messages = enemy.port.messages.makeAsyncIterator()
        #expect(try await messages.next()?.text == "alive")
        #expect(enemy.port.closeReason == nil)
    }

    static let garbage: [[UInt8]] = [
        [UInt8](repeating: 0, count: 8),
        [UInt8](repeating: 255, count: 1000),
        FrameHeader.raw(17, length: 8) + [UInt8](repeating: 255, count: 8),
        messageWithTable(table(count: .max), descriptors: 0),
        messageWithTable(table(Item.port()), descriptors: 1),
    ]

    @Test("A transferred port that brings garbage ends by itself", arguments: garbage)
    func portWithGarbageEndsAlone(garbage: [UInt8]) async throws {
        try await underAttack { enemy in
            let (port, farEnd) = try await receive(Item.port(text("first") + garbage), from: enemy)
            var messages = port.messages.makeAsyncIterator()
            #expect(try await messages.next()?.text == "first")
            await #expect(throws: PortError.self) { try await messages.next() }
            #expect(try await port.waitUntilClosed().code == .protocolError)
            withExtendedLifetime(farEnd) {}
            try await expectAlive(enemy)
        }
    }

    @Test("A transferred port that brings descriptors for no frame ends by itself")
    func portWithStrayDescriptorsEndsAlone() async throws {
        try await underAttack { enemy in
            let (port, farEnd) = try await receive(
                Item.port(text("first"), descriptors: 200), from: enemy, try Loot.files(200))
            port.start()
            #expect(try await port.waitUntilClosed().code == .protocolError)
            withExtendedLifetime(farEnd) {}
            try await expectAlive(enemy)
        }
    }

    @Test("A transferred port may have counters at the largest number")
    func portCountersMayOverflow() async throws {
        try await underAttack { enemy in
            let (port, farEnd) = try await receive(
                Item.port(text("x"), posted: .max, taken: .max), from: enemy)
            var messages = port.messages.makeAsyncIterator()
            #expect(try await messages.next()?.text == "x")
            for _ in 0..<3 { try port.postMessage("y") }
            // On to the next, and there it closes.
            let carrier = try MessageChannel()
            try carrier.port1.postMessage(.text("", transfer: [.port(port)]))
            var parcels = carrier.port2.messages.makeAsyncIterator()
            let moved = try #require(try await parcels.next()?.ports.first)
            moved.close()
            #expect(try await moved.waitUntilClosed().code == .closed)
            withExtendedLifetime(farEnd) {}
            try await expectAlive(enemy)
        }
    }

    @Test("A transferred port may be its carrier's other end, or its carrier")
    func portMayBeItsCarrier() async throws {
        try await underAttack { enemy in
            try await enemy.send(
                messageWithTable(table(Item.port()), descriptors: 1), [enemy.copyOfTheirEnd])
            var messages = enemy.port.messages.makeAsyncIterator()
            let port = try #require(try await messages.next()?.ports.first)
            // Two that read from one socket get what they get; closing one ends both.
            port.close()
            #expect(try await enemy.port.waitUntilClosed().code != .protocolError)
        }
    }

    @Test("Ports in ports, two hundred deep, each wait until the one around them was taken")
    func nestedPortsAreUnpackedWhenTaken() async throws {
        try await underAttack { enemy in
            let depth = 200
            var input = text("innermost")
            for _ in 0..<depth {
                input = messageWithTable(table(Item.port(input, flags: Item.over)), descriptors: 0)
            }
            try await enemy.send(input)
            var port = enemy.port
            for _ in 0..<depth {
                var messages = port.messages.makeAsyncIterator()
                let message = try #require(try await messages.next())
                port = try #require(message.ports.first)
            }
            var messages = port.messages.makeAsyncIterator()
            #expect(try await messages.next()?.text == "innermost")
            #expect(try await port.waitUntilClosed().code == .peerExited)
            try await expectAlive(enemy)
        }
    }

    @Test("A transferred port that the program has not taken is not read, whatever its peer sent before it left")
    func unseenPortIsNotRead() async throws {
        try await underAttack { enemy in
            let message = messageWithTable(table(Item.port()), descriptors: 1)
            let (near, far) = try StreamSocket.pair()
            try far.sendAll(message, [try StreamSocket.pair().0.descriptor])
            far.shutdown()
            try await enemy.send(message, [near.descriptor])
            enemy.port.start()
            try await enemy.send(FrameHeader.raw(16, length: 0))
            while !enemy.port.peerHasFinished, !Task.isCancelled { await Task.yield() }
            var messages = enemy.port.messages.makeAsyncIterator()
            let port = try #require(try await messages.next()?.ports.first)
            #expect(try await port.waitUntilClosed().code == .peerExited)
            var inner = port.messages.makeAsyncIterator()
            #expect(try await inner.next()?.ports.count == 1)
        }
    }
}

extension StreamSocket {
    fileprivate func sendAll(_ bytes: [UInt8], _ descriptors: [Descriptor]) throws {
        let outcome = try bytes.withUnsafeBytes { bytes in
            var part = clinux_piece(start: bytes.baseAddress, count: bytes.count)
            return try withUnsafePointer(to: &part) {
                try send(
                    UnsafeBufferPointer(start: $0, count: 1), descriptors: descriptors.map(\.rawValue))
            }
        }
        #expect(outcome == .sent(bytes.count))
    }
}
