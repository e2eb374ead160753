import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("A port that is over", .chosenExecutor, .timeLimit(.minutes(1)))
struct LettingGoTests {
    @Test("A port that is over leaves no descriptor open, however it ended")
    func endedPortLeavesNoDescriptor() async throws {
        _ = try EventLoop.shared
        try await expectNoDescriptorLeak {
            for _ in 0..<20 {
                for ending in Ending.allCases { try await ending.play() }
            }
            // What is closed is closed on the loop.
            await (try EventLoop.shared).catchUp()
        }
    }

    @Test("A port that is over holds no memory: only its owner keeps it", arguments: Ending.allCases)
    func endedPortHoldsNoMemory(ending: Ending) async throws {
        weak let line = try await ending.play()
        let loop = try EventLoop.shared
        await loop.catchUp()
        #expect(line == nil)
    }

    @Test("A port that is over closes descriptors that a peer still sends to it")
    func endedPortClosesStrayDescriptors() async throws {
        let (port, peer) = try RawPeer.withPort()
        port.start()
        let other: RawPeer
        do {
            let (stray, far) = try StreamSocket.pair()
            other = RawPeer(far)
            let numbers = [stray.descriptor.rawValue]
            #expect(try peer.sendWithoutWaiting(Wire.text("x"), descriptors: numbers) == 9)
        }
        try await port.waitUntilClosed()
        // Ours has gone with its scope; if the port held on to its copy, this would never see the end.
        #expect(try await other.receiveToEnd() == [])
    }

    enum Ending: CaseIterable {
        case closedHere, closedByPeer, peerExited, protocolError, dropped, bothFinished, gaveUp, refused
        case neverOpened

        /// - Returns: the line, for a weak look at it.
        @discardableResult
        func play() async throws -> Line {
            var limits = PortLimits()
            limits.linger = .milliseconds(1)
            if self == .refused || self == .neverOpened {
                let (port, introduction) = MessagePort.opening(on: try .shared)
                if self == .neverOpened { port.close() }
                introduction.failUnlessOpen(CloseReason(.refused, detail: "no"))
                return port.line
            }
            let (port, peer) = try RawPeer.withPort(limits: limits)
            port.start()
            switch self {
            case .closedHere: port.close()
            case .closedByPeer: try await peer.send(Wire.text("unread") + Wire.close(taken: 0))
            case .peerExited: peer.die()
            case .protocolError: try await peer.send(Wire.frame(0))
            case .bothFinished:
                port.finish()
                try await peer.send(Wire.finish + Wire.close(taken: 0))
            case .gaveUp:
                try port.postMessage([UInt8](repeating: 0, count: 1 << 20))
                port.close()
            case .dropped, .refused, .neverOpened: return port.line
            }
            try await port.waitUntilClosed()
            try? await port.flush()
            return port.line
        }
    }
}
