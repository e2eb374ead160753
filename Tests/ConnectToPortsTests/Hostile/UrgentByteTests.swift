import CConnectToLinux
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToPorts

/// Linux has out-of-band data on AF_UNIX streams too: the last byte of what is sent with MSG_OOB.
@Suite("A byte that a peer sends with MSG_OOB", .chosenExecutor, .timeLimit(.minutes(1)))
struct UrgentByteTests {
    private let port: MessagePort
    private let peer: StreamSocket

    init() throws {
        let (near, far) = try StreamSocket.pair()
        port = MessagePort(adopting: near, on: try .shared)
        peer = far
    }

    /// Of the given bytes the last is the urgent one.
    private func sendUrgently(_ bytes: [UInt8]) throws {
        let sent = try systemCall("send") {
            send(peer.descriptor.rawValue, bytes, bytes.count, Int32(MSG_OOB) | Int32(MSG_NOSIGNAL))
        }
        #expect(sent == bytes.count)
    }

    private func sendPlainly(_ bytes: [UInt8]) throws {
        let sent = try systemCall("send") { send(peer.descriptor.rawValue, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
        #expect(sent == bytes.count)
    }

    @Test(
        "A byte sent with MSG_OOB is not part of the stream, before, between and inside of frames",
        arguments: [0, 4, 9, 13, 18])
    func urgentByteIsSkipped(place: Int) async throws {
        port.start()
        let stream = Wire.text("a") + Wire.text("b")
        try sendPlainly(Array(stream.prefix(place)))
        try sendUrgently([0xee])
        try sendPlainly(Array(stream.dropFirst(place)))
        try await EventLoop.shared.catchUp()
        // One that takes a short read for all there is goes on with what comes next.
        try sendPlainly(Wire.finish)
        let (texts, error) = await port.takeAll()
        #expect(texts == ["a", "b"])
        #expect(error == nil)
    }

    @Test("A byte of a frame that is sent with MSG_OOB is missing from the frame, which is a protocol error")
    func urgentByteBreaksItsFrame() async throws {
        port.start()
        try sendUrgently(Wire.text("Hello"))
        try sendPlainly(Wire.text("x"))
        try await EventLoop.shared.catchUp()
        // A port that took a short read for all there is reads on with this; one that did not has ended already.
        try? sendPlainly(Wire.text("y"))
        #expect(try await port.waitUntilClosed().code == .protocolError)
    }

    @Test("A byte sent with MSG_OOB is part of the stream where another follows before it was passed: a protocol error")
    func overtakenUrgentByteIsInStream() async throws {
        try sendUrgently([0xee])
        try sendUrgently([0xee])
        try sendPlainly(Wire.text("a"))
        port.start()
        try await EventLoop.shared.catchUp()
        try? sendPlainly(Wire.text("b"))
        #expect(try await port.waitUntilClosed().code == .protocolError)
    }

    @Test("A byte sent with MSG_OOB does not hide the peer's end, and does not wake the loop again and again")
    func urgentByteDoesNotHideEnd() async throws {
        port.start()
        let loop = try EventLoop.shared
        try sendUrgently([0xee])
        await loop.catchUp()
        #expect(port.closeReason == nil)
        peer.shutdown()
        #expect(try await port.waitUntilClosed().code == .peerExited)
    }

    @Test("A descriptor that rides on a byte sent with MSG_OOB is closed, and belongs to no frame")
    func urgentByteClosesItsDescriptor() async throws {
        let watched: RawPeer
        do {
            let (inside, outside) = try StreamSocket.pair()
            watched = RawPeer(outside)
            try sendUrgently(0xee, with: inside.descriptor.rawValue)
        }
        try sendPlainly(Wire.text("after") + Wire.finish)
        let (texts, error) = await port.takeAll()
        #expect(texts == ["after"])
        #expect(error == nil)
        #expect(try await watched.receiveToEnd() == [])
    }

    private func sendUrgently(_ byte: UInt8, with descriptor: Int32) throws {
        // One header with one descriptor: its length, SOL_SOCKET, SCM_RIGHTS, the number.
        var control = [UInt32](repeating: 0, count: 6)
        (control[0], control[2], control[3], control[4]) = (20, UInt32(SOL_SOCKET), 1, UInt32(descriptor))
        var byte = byte
        let sent = try systemCall("sendmsg") {
            withUnsafeMutablePointer(to: &byte) { byte in
                var part = iovec(iov_base: byte, iov_len: 1)
                return withUnsafeMutablePointer(to: &part) { part in
                    control.withUnsafeMutableBytes { control in
                        var message = msghdr()
                        message.msg_iov = part
                        message.msg_iovlen = 1
                        message.msg_control = control.baseAddress
                        message.msg_controllen = control.count
                        return sendmsg(peer.descriptor.rawValue, &message, Int32(MSG_OOB) | Int32(MSG_NOSIGNAL))
                    }
                }
            }
        }
        #expect(sent == 1)
    }
}
