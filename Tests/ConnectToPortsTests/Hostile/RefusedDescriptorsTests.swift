import CConnectToLinux
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToPorts

/// Since Linux 6.16 a socket's owner can switch the receiving of descriptors off: SO_PASSRIGHTS.
@Suite(
    "A peer that takes no descriptors", .chosenExecutor, .timeLimit(.minutes(1)),
    .enabled("the kernel knows no SO_PASSRIGHTS") { try refuseDescriptors(StreamSocket.pair().0) })
struct RefusedDescriptorsTests {
    @Test("A peer that switched SO_PASSRIGHTS off ends the line when it is sent a file, and the reason says so")
    func sendingFileEndsLine() async throws {
        try await expectNoDescriptorLeak {
            let (near, far) = try StreamSocket.pair()
            #expect(try refuseDescriptors(far))
            let peer = RawPeer(far)
            let port = MessagePort(adopting: near, on: try .shared)
            try port.postMessage("without a file")
            try port.postMessage(.text("with one", transfer: [.file(try OpenFile(duplicating: 0))]))
            let reason = try await port.waitUntilClosed()
            #expect(reason.code == .protocolError)
            #expect(reason.detail.contains("SO_PASSRIGHTS"))
            // What went before it has arrived.
            #expect(try await peer.receiveToEnd() == Wire.text("without a file"))
        }
    }

    @Test("A peer that switched SO_PASSRIGHTS off gets messages without descriptors like any other")
    func plainMessagesArrive() async throws {
        let (near, far) = try StreamSocket.pair()
        #expect(try refuseDescriptors(far))
        let (mine, theirs) = (
            MessagePort(adopting: near, on: try .shared), MessagePort(adopting: far, on: try .shared)
        )
        try mine.postMessage("hello")
        #expect(try await theirs.take()?.text == "hello")
        #expect(mine.closeReason == nil)
    }
}

/// - Returns: False where the kernel does not know how.
private func refuseDescriptors(_ socket: StreamSocket) throws -> Bool {
    let passRights: Int32 = 83
    var off: Int32 = 0
    return setsockopt(
        socket.descriptor.rawValue, SOL_SOCKET, passRights, &off, socklen_t(MemoryLayout<Int32>.size)) == 0
}
