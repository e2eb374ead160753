import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToPorts

@Suite("A port that has been transferred", .chosenExecutor, .timeLimit(.minutes(1)))
struct TransferredPortTests {
    @Test("Ports nested a hundred thousand deep are unpacked as far as the program takes them")
    func deepNestingIsUnpackedOnDemand() async throws {
        let (near, far) = try StreamSocket.pair()
        let port = try MessagePort(adopting: near, on: .shared)
        let depth = 100_000
        let writing = Task.detached {
            let bytes = nestedPorts(depth)
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    Glibc.send(far.descriptor.rawValue, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { break }
                sent += count
            }
            return sent == bytes.count
        }
        var next = port
        for _ in 0..<10 {
            var messages = next.messages.makeAsyncIterator()
            next = try #require(try await messages.next()?.ports.first)
        }
        #expect(await writing.value)
        #expect(port.closeReason == nil)
    }

    @Test("A transferred port whose peer has gone says so, started or not, and what is posted on it is dropped")
    func transferredEndedPortSaysSo() async throws {
        let inner = try MessageChannel()
        inner.port1.close()
        inner.port2.start()
        try await inner.port2.waitUntilClosed()
        let carrier = try MessageChannel()
        try carrier.port1.postMessage(.text("", transfer: [.port(inner.port2)]))
        var messages = carrier.port2.messages.makeAsyncIterator()
        let port = try #require(try await messages.next()?.ports.first)
        for _ in 0..<3 { try port.postMessage([UInt8](repeating: 0, count: 10 << 20)) }
        #expect(port.bufferedAmount == 0)
        await #expect(throws: PortError.self) { try await port.flush() }
        #expect(try await port.waitUntilClosed().code == .closed)
    }

    @Test("What a transferred port has brought along counts against the bound of the port that it came on")
    func cargoCountsAgainstCarrier() async throws {
        let inner = try MessageChannel()
        try inner.port1.postMessage([UInt8](repeating: 1, count: 300_000))
        try await becomeReceived(inner)
        let carrier = try MessageChannel()
        try carrier.port1.postMessage(.text("", transfer: [.port(inner.port2)]))
        try await becomeReceived(carrier)
        #expect(carrier.port2.line.read { $0.input.size } > 300_000)
        var messages = carrier.port2.messages.makeAsyncIterator()
        let port = try #require(try await messages.next()?.ports.first)
        #expect(carrier.port2.line.read { $0.input.size } == 0)
        var arrived = port.messages.makeAsyncIterator()
        #expect(try await arrived.next()?.count == 300_000)
    }

    /// Until what was posted on port 1 waits at port 2 to be taken.
    private func becomeReceived(_ channel: MessageChannel) async throws {
        channel.port2.start()
        channel.port1.finish()
        while !channel.port2.peerHasFinished, !Task.isCancelled { await Task.yield() }
    }
}

/// A frame with a port that is over and has received a frame with a port that is over, and so on.
private func nestedPorts(_ depth: Int) -> [UInt8] {
    var writer = ByteWriter()
    for level in (0..<depth).reversed() {
        let inside = 46 * level
        writer.bytes += Segment(FrameHeader(.bytes, length: 38 + inside, descriptors: 0)).bytes
        writer.append(UInt32(34 + inside))
        writer.append(UInt32(1))
        writer.append(UInt8(4))
        writer.append(UInt8(2))
        writer.append(UInt64(0))
        writer.append(UInt64(0))
        writer.append(UInt32(inside))
        writer.append(UInt16(0))
        writer.append(UInt32(0))
        writer.append(UInt16(0))
    }
    return writer.bytes
}
