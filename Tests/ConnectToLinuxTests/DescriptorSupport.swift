import CConnectToLinux
import ConnectToLinux
import Glibc
import SystemPackage

/// A step that a test depends on has failed: waiting for input, or sending.
struct StepFailed: Error {}

func isReadable(_ descriptor: Int32, within milliseconds: Int32 = 0) throws -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return try systemCall("poll") { poll(&entry, 1, milliseconds) } == 1
}

/// Blocks the thread, for ten seconds at most.
func waitUntilReadable(_ descriptor: Int32) throws {
    guard try isReadable(descriptor, within: 10_000) else { throw StepFailed() }
}

extension StreamSocket {
    /// Sends a short text in one call. Throws if the kernel does not take all of it.
    func send(_ text: String, descriptors: [Int32] = []) throws {
        let outcome = try sendOnce(Array(text.utf8), descriptors: descriptors)
        guard outcome == .sent(text.utf8.count) else { throw StepFailed() }
    }

    func sendOnce(_ bytes: [UInt8], descriptors: [Int32] = []) throws -> SendOutcome {
        var bytes = bytes
        return try bytes.withUnsafeMutableBytes { buffer in
            let part = clinux_piece(start: buffer.baseAddress, count: buffer.count)
            return try withUnsafePointer(to: part) { part in
                try send(UnsafeBufferPointer(start: part, count: 1), descriptors: descriptors)
            }
        }
    }

    /// Receives up to 4096 bytes in one call.
    func receiveOnce() throws -> (outcome: ReceiveOutcome, text: String) {
        var outcome = ReceiveOutcome.wouldBlock
        let bytes = try [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            outcome = try receive(into: UnsafeMutableRawBufferPointer(buffer))
            if case .received(let received) = outcome { count = received.count }
        }
        return (outcome, String(decoding: bytes, as: UTF8.self))
    }
}

/// An unconnected socket.
func socket(_ domain: Int32, _ type: __socket_type) throws -> Descriptor {
    Descriptor(adopting: try systemCall("socket") { Glibc.socket(domain, Int32(type.rawValue), 0) })
}
