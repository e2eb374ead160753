import CConnectToLinux
import ConnectToLinux
import ConnectToTesting
import Glibc
import SystemPackage
import Testing

@Suite("A stream socket")
struct StreamSocketTests {
    @Test("A stream socket carries bytes both ways, in order")
    func carriesBytesBothWays() throws {
        let (one, other) = try StreamSocket.pair()
        try one.send("to ")
        try one.send("other")
        try other.send("to one")
        #expect(try other.receiveOnce().text == "to other")
        #expect(try one.receiveOnce().text == "to one")
    }

    @Test("A stream socket sends several pieces of memory in one call")
    func sendsSeveralPieces() throws {
        let (one, other) = try StreamSocket.pair()
        var bytes = Array("headpayload".utf8)
        try bytes.withUnsafeMutableBytes { buffer in
            let parts = [
                clinux_piece(start: buffer.baseAddress, count: 4),
                clinux_piece(start: buffer.baseAddress?.advanced(by: 4), count: 7),
            ]
            let outcome = try parts.withUnsafeBufferPointer { try one.send($0) }
            #expect(outcome == .sent(11))
        }
        #expect(try other.receiveOnce().text == "headpayload")
    }

    @Test("A stream socket without O_NONBLOCK waits neither for bytes nor for room")
    func doesNotWait() throws {
        let (one, other) = try StreamSocket.pair()
        #expect(try systemCall("fcntl") { fcntl(one.descriptor.rawValue, F_GETFL) } & O_NONBLOCK == 0)
        #expect(try other.receiveOnce().outcome.isWouldBlock)
        let block = [UInt8](repeating: 0, count: 65536)
        var sent = 0
        while case .sent(let count) = try one.sendOnce(block) { sent += count }
        #expect(sent > 0)
        #expect(try one.sendOnce(block) == .wouldBlock)
        // Once the peer has read, the socket has room again.
        while case .received = try other.receiveOnce().outcome {}
        #expect(try one.sendOnce([1]) == .sent(1))
    }

    @Test("A send to a peer that has gone says so without SIGPIPE, and its last bytes can be read")
    func peerGone() throws {
        var pair: (near: StreamSocket, far: StreamSocket)? = try StreamSocket.pair()
        let near = try #require(pair?.near)
        try pair?.far.send("last words")
        pair = nil
        #expect(try near.sendOnce([1]) == .peerGone)
        #expect(try near.receiveOnce().text == "last words")
        #expect(try near.receiveOnce().outcome.isEnded)
        #expect(try near.receiveOnce().outcome.isEnded)
    }

    @Test("A reset, from a peer that left bytes unread, counts as the end of a stream socket")
    func resetCountsAsEnd() throws {
        var pair: (near: StreamSocket, far: StreamSocket)? = try StreamSocket.pair()
        let near = try #require(pair?.near)
        try near.send("unread")
        pair = nil
        #expect(try near.receiveOnce().outcome.isEnded)
        #expect(try near.sendOnce([1]) == .peerGone)
    }

    @Test("Shutdown ends both directions for every copy of both ends of a stream socket")
    func shutdownEndsAllCopies() throws {
        let (one, other) = try StreamSocket.pair()
        let copy = StreamSocket(try other.descriptor.duplicate())
        one.shutdown()
        #expect(try one.sendOnce([1]) == .peerGone)
        #expect(try copy.sendOnce([1]) == .peerGone)
        #expect(try one.receiveOnce().outcome.isEnded)
        #expect(try copy.receiveOnce().outcome.isEnded)
        one.shutdown()
    }

    @Test("Both ends of a pair of stream sockets are close-on-exec")
    func bothEndsCloseOnExec() throws {
        let (one, other) = try StreamSocket.pair()
        for end in [one, other] {
            #expect(try systemCall("fcntl") { fcntl(end.descriptor.rawValue, F_GETFD) } & FD_CLOEXEC != 0)
        }
    }
}

@Suite("Descriptors over a stream socket", .timeLimit(.minutes(1)))
struct DescriptorPassingTests {
    @Test("Descriptors arrive once, with the first byte, in order, close-on-exec, for the same open files")
    func descriptorsArriveWithFirstByte() async throws {
        try await expectNoDescriptorLeak {
            let (one, other) = try StreamSocket.pair()
            let pairs = try (0..<3).map { _ in try StreamSocket.pair() }
            try one.send("ab", descriptors: pairs.map(\.0.descriptor.rawValue))
            let first = try #require(try other.receive(upTo: 1))
            #expect(first.count == 1)
            #expect(first.controlFault == nil)
            #expect(first.descriptors.count == 3)
            let second = try #require(try other.receive(upTo: 1))
            #expect(second.descriptors.isEmpty)
            for (number, descriptor) in first.descriptors.enumerated() {
                let flags = try systemCall("fcntl") { fcntl(descriptor.rawValue, F_GETFD) }
                #expect(flags & FD_CLOEXEC != 0)
                try StreamSocket(descriptor).send("from \(number)")
                let text = try pairs[number].1.receiveOnce().text
                #expect(text == "from \(number)")
            }
        }
    }

    @Test("Descriptors in a socket are closed if the program does not take them, received or not")
    func untakenDescriptorsAreClosed() async throws {
        try await expectNoDescriptorLeak {
            let (one, other) = try StreamSocket.pair()
            let (passed, _) = try StreamSocket.pair()
            try one.send("a", descriptors: [passed.descriptor.rawValue])
            _ = try other.receiveOnce()
            try one.send("b", descriptors: [passed.descriptor.rawValue])
        }
    }

    @Test("One message carries 253 descriptors, and not one more")
    func descriptorsPerMessage() throws {
        let (one, other) = try StreamSocket.pair()
        let (passed, _) = try StreamSocket.pair()
        let most = Array(repeating: passed.descriptor.rawValue, count: 253)
        try one.send("a", descriptors: most)
        let received = try #require(try other.receive(upTo: 16))
        #expect(received.descriptors.count == 253)
        #expect(received.controlFault == nil)
        #expect(throws: SystemError(operation: "sendmsg", errno: .invalidArgument)) {
            try one.send("a", descriptors: most + [passed.descriptor.rawValue])
        }
    }

    @Test("Sending an invalid descriptor fails, and the bytes are not sent either")
    func invalidDescriptorSendsNothing() throws {
        let (one, other) = try StreamSocket.pair()
        #expect(throws: SystemError(operation: "sendmsg", errno: .badFileDescriptor)) {
            try one.send("a", descriptors: [-1])
        }
        #expect(try other.receiveOnce().outcome.isWouldBlock)
    }

    private static let unexpected = StreamSocket.ControlFault.violation(
        "a control message other than descriptors")

    @Test("Credentials that a peer makes the kernel add are a violation")
    func unexpectedCredentials() throws {
        let (one, other) = try StreamSocket.pair()
        // A process that holds a copy of our end can set this option on it.
        var on: Int32 = 1
        try systemCall("setsockopt") {
            setsockopt(
                other.descriptor.rawValue, SOL_SOCKET, SO_PASSCRED, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        try one.send("a")
        #expect(try #require(try other.receive(upTo: 16)).controlFault == Self.unexpected)
    }

    @Test("A pidfd that a peer makes the kernel add is a violation, and is closed")
    func unexpectedPidfd() async throws {
        try await expectNoDescriptorLeak {
            let (one, other) = try StreamSocket.pair()
            var on: Int32 = 1
            let passProcessDescriptors: Int32 = 76
            // SO_PASSPIDFD exists since Linux 6.5.
            guard
                setsockopt(
                    other.descriptor.rawValue, SOL_SOCKET, passProcessDescriptors, &on,
                    socklen_t(MemoryLayout<Int32>.size)) == 0
            else { return }
            try one.send("a")
            #expect(try #require(try other.receive(upTo: 16)).controlFault == Self.unexpected)
        }
    }
}

@Suite("Descriptors that can be lines")
struct ConnectedStreamTests {
    @Test("An end of a socket pair can be a line, also when the other end has gone")
    func endOfPairCanBeLine() throws {
        var pair: (near: StreamSocket, far: StreamSocket)? = try StreamSocket.pair()
        let near = try #require(pair?.near)
        #expect(StreamSocket.isConnectedStream(near.descriptor))
        pair = nil
        #expect(StreamSocket.isConnectedStream(near.descriptor))
    }

    @Test("A pipe, a file and a closed descriptor cannot be a line")
    func nonSocketCannotBeLine() throws {
        var pipeEnds: [Int32] = [-1, -1]
        try systemCall("pipe") { pipe(&pipeEnds) }
        for end in pipeEnds { #expect(!StreamSocket.isConnectedStream(Descriptor(adopting: end))) }
        #expect(!StreamSocket.isConnectedStream(Descriptor(adopting: open("/proc/version", O_RDONLY))))
        #expect(!StreamSocket.isConnectedStream(Descriptor(adopting: -1)))
    }

    @Test("A socket of another family or type cannot be a line, connected or not")
    func otherSocketCannotBeLine() throws {
        #expect(!StreamSocket.isConnectedStream(try socket(AF_INET, SOCK_DGRAM)))
        #expect(!StreamSocket.isConnectedStream(try socket(AF_INET, SOCK_STREAM)))
        #expect(!StreamSocket.isConnectedStream(try socket(AF_UNIX, SOCK_DGRAM)))
        for type in [SOCK_DGRAM, SOCK_SEQPACKET] {
            var ends: [Int32] = [-1, -1]
            try systemCall("socketpair") { socketpair(AF_UNIX, Int32(type.rawValue), 0, &ends) }
            for end in ends.map({ Descriptor(adopting: $0) }) {
                #expect(!StreamSocket.isConnectedStream(end))
            }
        }
    }

    @Test("A stream socket that listens or is not connected cannot be a line")
    func unconnectedSocketCannotBeLine() throws {
        let fresh = try socket(AF_UNIX, SOCK_STREAM)
        #expect(!StreamSocket.isConnectedStream(fresh))
        // Bound to an abstract address that the kernel chooses.
        var address = sockaddr(
            sa_family: sa_family_t(AF_UNIX), sa_data: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
        try systemCall("bind") {
            bind(fresh.rawValue, &address, socklen_t(MemoryLayout<sa_family_t>.size))
        }
        try systemCall("listen") { listen(fresh.rawValue, 1) }
        #expect(!StreamSocket.isConnectedStream(fresh))
    }
}

extension StreamSocket {
    /// Receives up to a number of bytes; nil if none have arrived.
    fileprivate func receive(upTo count: Int) throws -> Received? {
        try withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { buffer in
            if case .received(let received) = try receive(into: buffer) { return received }
            return nil
        }
    }
}

extension StreamSocket.ReceiveOutcome {
    fileprivate var isWouldBlock: Bool {
        if case .wouldBlock = self { return true }
        return false
    }

    fileprivate var isEnded: Bool {
        if case .ended = self { return true }
        return false
    }
}
