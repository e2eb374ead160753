import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToPorts

@Suite("A port made from a descriptor", .chosenExecutor, .timeLimit(.minutes(1)))
struct AdoptingTests {
    @Test("what was detached from one port is a port again, with what was written meanwhile")
    func inverse() async throws {
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
        "a line that others have posted on before can be closed by its peer, which has taken more than was posted here")
    func formerHolders() async throws {
        let channel = try MessageChannel()
        try channel.port2.postMessage("before")
        try await channel.port2.flush()
        let port = try MessagePort(adopting: try channel.port2.detachSocket())
        #expect(try await channel.port1.take()?.text == "before")
        channel.port1.close()
        #expect(try await port.waitUntilClosed().code == .closed)
        #expect(port.undeliveredCount == 0)
    }

    @Test("what is not a connected stream socket is refused, and stays open and the caller's")
    func refused() throws {
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

    @Test("a port that is dropped closes the descriptor it was made from, and its peer sees the close")
    func owned() async throws {
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
