import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("Large messages between processes", .privateBus, .timeLimit(.minutes(1)))
struct LargeMessageTests {
    @Test("64 MiB go there and come back, byte for byte, and one byte more is refused here")
    func large() async throws {
        let bus = try await Bus.onPrivateBus()
        try await withPeer("echo", "x") { peer in
            #expect(await peer.line() == "listening")
            let port = bus.connectTo("x")
            let size = 64 << 20
            var state: UInt64 = 88_172_645_463_325_252
            let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                // xorshift: no part is like another.
                for index in buffer.indices {
                    state ^= state << 13
                    state ^= state >> 7
                    state ^= state << 17
                    buffer[index] = UInt8(truncatingIfNeeded: state)
                }
                count = size
            }
            let error = #expect(throws: PortError.self) { try port.postMessage(bytes + [0]) }
            #expect(error?.code == .messageTooLarge)
            try port.postMessage(bytes)
            var messages = port.messages.makeAsyncIterator()
            let message = try #require(try await messages.next())
            #expect(message.count == size)
            #expect(message.withUnsafeBytes { $0.elementsEqual(bytes) })
            #expect(port.closeReason == nil)
        }
    }
}
