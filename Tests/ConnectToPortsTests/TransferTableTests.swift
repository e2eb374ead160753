import ConnectToLinux
import ConnectToTesting
import Foundation
import Glibc
import Testing

@testable import ConnectToPorts

@Suite("The transfer table", .timeLimit(.minutes(1)))
struct TransferTableTests {
    @Test("Every example of a transfer table in the protocol is read as it says, and written again byte for byte")
    func protocolsExamplesAreReadAndWritten() throws {
        let frames = try documentedFrames()
        try #require(frames.count == 6)
        #expect(try frames.map { try decode($0).header.kind } == [.text, .json, .bytes, .text, .text, .text])
        for frame in frames {
            let (header, table, payload) = try decode(frame)
            let written = payload.withBytes { Segment(header.kind, $0, table) }
            #expect(written.bytes == frame)
            #expect(written.descriptors.count == header.descriptors)
        }
        let items = try frames.map { try decode($0).table.items }
        guard case .file = items[0][0] else { throw Unexpected("no file") }
        guard case .file = items[1][0] else { throw Unexpected("no file in the value") }
        #expect(try decode(frames[1]).payload == Array(#"{"file":0}"#.utf8))
        guard case .movedBuffer(_, 4096) = items[2][0], case .sharedBuffer(_, 1 << 20) = items[2][1] else {
            throw Unexpected("no buffers")
        }
        guard case .port(let busy) = items[4][0], case .port(let over) = items[5][0] else {
            throw Unexpected("no ports")
        }
        #expect((busy.posted, busy.taken) == (2, 1))
        #expect((busy.input.bytes.count, busy.input.descriptors.count) == (18, 1))
        #expect(busy.output.map(\.bytes) == [[1, 0, 0, 0, 2, 0, 0, 0, UInt8(ascii: "y")]])
        #expect(over.socket == nil)
        #expect(over.posted == 3)
    }

    @Test(
        "A transfer table that breaks a rule is refused",
        arguments: [
            ("", 0), ("00000000", 0), ("0300000000", 0), ("05000000 00000000", 0),  // cut off
            ("04000000 01000000", 0), ("05000000 00000000 01", 1),  // shorter or longer than its items
            ("05000000 01000000 00", 1), ("05000000 01000000 05", 1),  // unknown items
            ("05000000 01000000 01", 0), ("05000000 01000000 01", 2),  // too few descriptors, too many
            ("0d000000 01000000 02 ffffffffffffffff", 1),  // a buffer larger than the address space
            ("22000000 01000000 0408" + String(repeating: "00", count: 28), 1),  // a port's unknown flag
            ("22000000 01000000 0400" + String(repeating: "00", count: 28), 0),  // a port without its socket
            ("22000000 01000000 0400" + String(repeating: "00", count: 20) + "0100 00000000 0000", 1),
            // an extension that is cut off
            ("22000000 01000000 0400" + String(repeating: "00", count: 26) + "0100", 1),
            ("28000000 01000000 0400" + String(repeating: "00", count: 22) + "01000000 0000 00000000 0000", 1),
            ("04000000 ffffffff", 0), ("04000000 fe000000", 0),  // more items than may be
        ])
    func brokenTableIsRefused(_ hexadecimal: String, _ descriptors: Int) throws {
        let table = bytes(hexadecimal)
        let ours = try (0..<descriptors).map { _ in try Descriptor.duplicate(of: 0) }
        var length = 0
        #expect(throws: ProtocolViolation.self) {
            try table.withBytes { _ = try TransferTable(decoding: $0, ours, length: &length) }
        }
    }

    @Test("A transfer table has at most as many items as descriptors, though they bring none")
    func itemsAreLimited() throws {
        let over = "0402" + String(repeating: "00", count: 28)
        func table(_ count: Int) -> [UInt8] {
            var writer = ByteWriter()
            writer.append(UInt32(4 + 30 * count))
            writer.append(UInt32(count))
            return writer.bytes + bytes(String(repeating: over, count: count))
        }
        var length = 0
        let most = try table(253).withBytes { try TransferTable(decoding: $0, [], length: &length) }
        #expect(most.items.count == 253)
        #expect(throws: ProtocolViolation.self) {
            try table(254).withBytes { _ = try TransferTable(decoding: $0, [], length: &length) }
        }
    }

    // MARK: The document

    /// The code blocks of the section's examples, without their comments.
    private func documentedFrames() throws -> [[UInt8]] {
        let document = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../dbus/PROTOCOL.md").standardizedFileURL
        let text = try String(contentsOf: document, encoding: .utf8)
        let section = try #require(text.components(separatedBy: "## 9. Transfer").last)
        let examples = try #require(
            section.components(separatedBy: "\n## 10.").first?.components(separatedBy: "### Examples").last)
        return examples.components(separatedBy: "```").enumerated().filter { $0.offset % 2 == 1 }.map {
            bytes($0.element.split(separator: "\n").map { String($0.prefix(43)) }.joined())
        }
    }

    private func decode(
        _ frame: [UInt8]
    ) throws -> (header: FrameHeader, table: TransferTable, payload: [UInt8]) {
        let header = try frame.withBytes { try FrameHeader(decoding: $0, lengthLimit: 1 << 20) }
        #expect(frame.count == FrameHeader.size + header.length)
        let count = try #require(header.descriptors)
        let descriptors = try (0..<count).map { _ in try Descriptor.duplicate(of: 0) }
        let payload = Array(frame.dropFirst(FrameHeader.size))
        var length = 0
        let table = try payload.withBytes { try TransferTable(decoding: $0, descriptors, length: &length) }
        return (header, table, Array(payload.dropFirst(length)))
    }

    private func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = hexadecimal.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
    }

    private struct Unexpected: Error {
        let what: String

        init(_ what: String) {
            self.what = what
        }
    }
}
