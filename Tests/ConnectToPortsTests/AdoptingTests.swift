import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToPorts

@Suite("A port made from a descriptor", .chosenExecutor, .timeLimit(.minutes(1)))
struct AdoptingTests {
    @Test("A socket detached from one port becomes a port again, with what was written meanwhile")
    func detachedSocketBecomesPortAgain() async throws {
        try await expectNoDescriptorLeak {
            let channel = try MessageChannel()
            let number = try channel.port2.detachSocket()
            try channel.port1.postMessage("written meanwhile")
            let port = try MessagePort(adopting: number)
            #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
            #expect(port.closeReason == nil)
            #expect(try await port.take()?.text == "written meanwhile")
            try port.postMessage("back")
            #expect(try await channel.port1.take()?.text == "back")
            port.close()
            #expect(try await channel.port1.waitUntilClosed().code == .closed)
            #expect(channel.port1.undeliveredCount == 0)
            channel.port1.close()
        }
    }

    @Test(
        "An adopted socket's peer may close with a higher count than was posted here, for earlier holders' messages")
    func countsOfFormerHoldersAreAccepted() async throws {
        let channel = try MessageChannel()
        try channel.port2.postMessage("before")
        try await channel.port2.flush()
        let port = try MessagePort(adopting: try channel.port2.detachSocket())
        #expect(try await channel.port1.take()?.text == "before")
        channel.port1.close()
        #expect(try await port.waitUntilClosed().code == .closed)
        #expect(port.undeliveredCount == 0)
    }

    @Test("A descriptor that is not a connected stream socket is refused as a port, and stays open and the caller's")
    func otherDescriptorIsRefused() throws {
        var pipe: [Int32] = [0, 0]
        try systemCall("pipe") { Glibc.pipe(&pipe) }
        let listening = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let datagrams = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        for number in [pipe[0], listening, datagrams] {
            let error = #expect(throws: PortError.self) { try MessagePort(adopting: number) }
            #expect(error?.code == .invalidDescriptor)
            #expect(error?.message.contains("descriptor \(number)") == true)
            #expect(fcntl(number, F_GETFD) == 0)
        }
        for number in pipe + [listening, datagrams] { close(number) }
        #expect(#expect(throws: PortError.self) { try MessagePort(adopting: -1) }?.code == .invalidDescriptor)
    }

    @Test("A dropped port closes the descriptor that it was made from, and its peer sees the close")
    func droppedPortClosesAdoptedDescriptor() async throws {
        try await expectNoDescriptorLeak {
            let channel = try MessageChannel()
            var port: MessagePort? = try MessagePort(adopting: try channel.port2.detachSocket())
            #expect(port?.closeReason == nil)
            port = nil
            channel.port1.start()
            #expect(try await channel.port1.waitUntilClosed().code == .closed)
        }
    }
}
