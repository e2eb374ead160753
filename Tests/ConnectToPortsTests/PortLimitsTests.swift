import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToPorts

@Suite("The limits of a port", .chosenExecutor, .timeLimit(.minutes(1)))
struct PortLimitsTests {
    @Test("The limits of a channel hold for both ends, which say so: a message over the length is not posted")
    func limitsHoldForBothEndsOfChannel() async throws {
        var limits = PortLimits()
        limits.messageLength = 1_000
        let (mine, theirs) = try MessageChannel.makePair(limits: limits)
        for port in [mine, theirs] {
            #expect(port.limits == limits)
            let error = #expect(throws: PortError.self) {
                try port.postMessage([UInt8](repeating: 0, count: 1_001))
            }
            #expect(error?.code == .messageTooLarge)
        }
        try mine.postMessage([UInt8](repeating: 0, count: 1_000))
        #expect(try await theirs.take()?.count == 1_000)
    }

    @Test("A message over a port's length limit ends the port before the message is there")
    func longerMessageEndsPort() async throws {
        var limits = PortLimits()
        limits.messageLength = 1_000
        let (port, peer) = try RawPeer.withPort(limits: limits)
        port.start()
        _ = try peer.sendWithoutWaiting(Array(Wire.bytes([UInt8](repeating: 0, count: 1_001)).prefix(8)))
        #expect(try await port.waitUntilClosed().code == .protocolError)
    }

    @Test("A port with a raised limit receives longer messages than the protocol lets it send")
    func raisedLimitReceivesLongerMessages() async throws {
        var limits = PortLimits()
        limits.messageLength = 65 << 20
        let (port, peer) = try RawPeer.withPort(limits: limits)
        let message = [UInt8](repeating: 7, count: 65 << 20)
        async let sending: Void = peer.send(Wire.bytes(message))
        #expect(try await port.take()?.count == 65 << 20)
        try await sending
        let error = #expect(throws: PortError.self) { try port.postMessage(message) }
        #expect(error?.code == .messageTooLarge)
        // What is transferred along counts too.
        let file = try OpenFile(duplicating: 0)
        let full = [UInt8](message.prefix(64 << 20))
        let withFile = #expect(throws: PortError.self) {
            try port.postMessage(.bytes(full, transfer: [.file(file)]))
        }
        #expect(withFile?.code == .messageTooLarge)
        #expect(!file.isDetached)
    }

    @Test("A port's queue limit refuses what it has no room for, and send waits for room in half of it")
    func queueLimitRefusesAndDelays() async throws {
        var limits = PortLimits()
        limits.queuedOutput = 1 << 20
        let (port, peer) = try RawPeer.withPort(limits: limits)
        let block = [UInt8](repeating: 0, count: 10_000)
        let sending = Task { while true { try await port.send(.bytes(block)) } }
        await port.untilTaskWaits(for: .room)
        let half = limits.queuedOutput / 2
        #expect((half...half + 10_008).contains(port.bufferedAmount))
        // The other half is for who cannot wait.
        var posted = 0
        let error = #expect(throws: PortError.self) {
            while true {
                try port.postMessage(block)
                posted += 1
            }
        }
        #expect(error?.code == .queueFull)
        #expect(posted >= half / 10_008 - 1)
        peer.die()
        await #expect(throws: PortError.self) { try await sending.joined() }
    }

    @Test("A port's limit of files makes a sender of files wait where too many are on their way")
    func fileLimitDelaysSender() async throws {
        var limits = PortLimits()
        limits.queuedDescriptors = 8
        let (port, peer) = try RawPeer.withPort(limits: limits)
        // Enough to be in the way of what follows.
        try port.postMessage([UInt8](repeating: 0, count: 1 << 20))
        let sending = Task {
            for _ in 0..<4 {
                let files = try (0..<6).map { _ in Transferable.file(try OpenFile(duplicating: 0)) }
                try await port.send(.text("", transfer: files))
            }
        }
        await port.untilTaskWaits(for: .room)
        #expect(port.line.read { $0.output.descriptorCount } == 6)
        _ = try await peer.receive(8 + 1 << 20 + 4 * (8 + 8 + 6))
        try await sending.joined()
    }

    @Test("The limits of a port have a least value")
    func limitsHaveALeast() {
        var limits = PortLimits()
        limits.messageLength = -1
        limits.queuedOutput = .min
        limits.queuedDescriptors = -1
        limits.queuedInput = 0
        limits.bufferSize = -1
        limits.linger = .seconds(-1)
        #expect(limits.messageLength == 0)
        #expect(limits.queuedOutput == 0)
        #expect(limits.queuedDescriptors == 0)
        #expect(limits.queuedInput == 1)
        #expect(limits.bufferSize == 0)
        #expect(limits.linger == .zero)
        limits.messageLength = .max
        #expect(limits.messageLength == Int(UInt32.max))
    }

    @Test("Limits of nothing still let one message after the other through")
    func limitsOfNothingLetSingleMessagesThrough() async throws {
        var limits = PortLimits()
        limits.queuedOutput = 0
        limits.queuedDescriptors = 0
        limits.queuedInput = 0
        limits.messageLength = 1 << 20
        let (mine, theirs) = try MessageChannel.makePair(limits: limits)
        let message = [UInt8](repeating: 0, count: 1 << 20)
        let sending = Task { for _ in 0..<5 { try await mine.send(.bytes(message)) } }
        for _ in 0..<5 { #expect(try await theirs.take()?.count == 1 << 20) }
        try await sending.joined()
    }

    @Test("A transferred port gets the limits of the port that it came on")
    func transferredPortGetsCarriersLimits() async throws {
        var limits = PortLimits()
        limits.messageLength = 10_000
        let (mine, theirs) = try MessageChannel.makePair(limits: limits)
        let (near, far) = try MessageChannel.makePair()
        try mine.postMessage(.text("", transfer: [.port(near)]))
        let arrived = try #require(try await theirs.take()?.ports.first)
        arrived.start()
        try far.postMessage([UInt8](repeating: 0, count: 10_001))
        #expect(try await arrived.waitUntilClosed().code == .protocolError)
    }
}
