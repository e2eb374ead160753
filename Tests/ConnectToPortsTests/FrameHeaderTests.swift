import Testing

@testable import ConnectToPorts

@Suite("A frame's header")
struct FrameHeaderTests {
    private static let limit = 64 << 20

    @Test(
        "A frame's header is encoded as in the protocol's examples",
        arguments: [
            (FrameKind.text, 5, [5, 0, 0, 0, 2, 0, 0, 0]),
            (.text, 0, [0, 0, 0, 0, 2, 0, 0, 0]),
            (.bytes, 65_536, [0, 0, 1, 0, 1, 0, 0, 0]),
            (.json, 7, [7, 0, 0, 0, 3, 0, 0, 0]),
            (.finish, 0, [0, 0, 0, 0, 16, 0, 0, 0]),
            (.close, 8, [8, 0, 0, 0, 17, 0, 0, 0]),
        ] as [(FrameKind, Int, [UInt8])])
    func headerIsEncodedAsInProtocol(kind: FrameKind, length: Int, expected: [UInt8]) throws {
        let header = FrameHeader(kind, length: length)
        #expect(withUnsafeBytes(of: header.encoded) { [UInt8]($0) } == expected)
        #expect(try decode(expected) == header)
    }

    @Test("A frame's header is decoded at any address in memory")
    func headerIsDecodedAtAnyAddress() throws {
        let bytes: [UInt8] = [9] + Wire.text("Hello")
        let header = try bytes.withUnsafeBytes { bytes in
            try FrameHeader(
                decoding: UnsafeRawBufferPointer(rebasing: bytes.dropFirst()), lengthLimit: Self.limit)
        }
        #expect(header == FrameHeader(.text, length: 5))
    }

    @Test("A frame's header may announce exactly the limit, and not one byte more")
    func headerMayAnnounceTheLimit() throws {
        #expect(try decode(Wire.frame(1, length: 64 << 20)).length == 64 << 20)
        #expect(throws: ProtocolViolation.self) { try decode(Wire.frame(1, length: 64 << 20 + 1)) }
        #expect(throws: ProtocolViolation.self) { try decode(Wire.frame(1, length: .max)) }
    }

    @Test(
        "A frame of a kind that the protocol does not list breaks the protocol",
        arguments: [0, 4, 15, 18, 31, 32, 255] as [UInt8])
    func unknownKindBreaksProtocol(kind: UInt8) {
        #expect(throws: ProtocolViolation.self) { try decode(Wire.frame(kind)) }
    }

    @Test(
        "A frame's header that breaks a rule is refused",
        arguments: [
            Wire.frame(2, flags: 2), Wire.frame(2, flags: 128),
            Wire.frame(2, descriptors: 1), Wire.frame(2, descriptors: 256), Wire.frame(16, descriptors: 1),
            Wire.frame(16, [0]), Wire.frame(17), Wire.frame(17, length: 7), Wire.frame(17, length: 9),
        ])
    func brokenHeaderIsRefused(bytes: [UInt8]) {
        #expect(throws: ProtocolViolation.self) { try decode(bytes) }
    }

    private func decode(_ bytes: [UInt8]) throws -> FrameHeader {
        try bytes.withUnsafeBytes { try FrameHeader(decoding: $0, lengthLimit: Self.limit) }
    }
}
