import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite("Large messages between processes", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct LargeMessageTests {
    @Test("A message of 64 MiB goes to another process and back, byte for byte, and one byte more is refused")
    func largestMessageBothWays() async throws {
        let bus = try await Bus.onPrivateBus()
        try await withPeer("echo", "x") { peer in
            #expect(await peer.line() == "listening")
            let port = bus.connectTo("x")
            let size = 64 << 20
            // No page is like another.
            var bytes = [UInt8](repeating: 0x5a, count: size)
            bytes.withUnsafeMutableBytes { bytes in
                for page in 0..<size / 4096 {
                    bytes.storeBytes(of: page, toByteOffset: page * 4096, as: Int.self)
                }
            }
            let error = #expect(throws: PortError.self) {
                try port.postMessage([UInt8](repeating: 0, count: size + 1))
            }
            #expect(error?.code == .messageTooLarge)
            try port.postMessage(bytes)
            var messages = port.messages.makeAsyncIterator()
            let message = try #require(try await messages.next())
            #expect(message.count == size)
            let isSame = message.withUnsafeBytes { received in
                bytes.withUnsafeBytes { sent in
                    guard let received = received.baseAddress, let sent = sent.baseAddress else {
                        return false
                    }
                    return memcmp(received, sent, size) == 0
                }
            }
            #expect(isSame)
            #expect(port.closeReason == nil)
        }
    }
}
