import Testing

@testable import ConnectToPorts

@Suite("The frame reader")
struct FrameReaderTests {
    private static let stream = [
        Wire.text("Hello"), Wire.bytes([]), Wire.json("{\"n\":1}"), Wire.text(""),
        Wire.bytes([UInt8](repeating: 7, count: 5_000)), Wire.finish, Wire.close(taken: 3),
    ]

    @Test(
        "The frame reader returns the same frames wherever the reads cut the stream",
        arguments: [1, 2, 3, 7, 8, 9, 13, 4_096, 100_000])
    func framesAreCutAnywhere(pieceSize: Int) throws {
        var reader = FrameReader(lengthLimit: 1 << 20)
        let frames = try reader.feed(Self.stream.flatMap(\.self), in: pieceSize)
        #expect(frames == Self.stream)
    }

    @Test("The frame reader returns many frames of one read, in order")
    func manyFramesInOneRead() throws {
        let frames = (0..<3_000).map { Wire.text("\($0)") }
        var reader = FrameReader(lengthLimit: 1 << 20)
        #expect(try reader.feed(frames.flatMap(\.self), in: .max) == frames)
    }

    @Test(
        "The frame reader takes a frame that ends at a chunk's end, one byte before and after, or in its header",
        arguments: [-9, -8, -7, -1, 0, 1, 7, 8, 9])
    func frameAtChunkEdge(offset: Int) throws {
        let chunk = 64 << 10
        let first = Wire.bytes([UInt8](repeating: 1, count: chunk - 8 + offset))
        let frames = [
            first, Wire.text("after"), Wire.bytes([UInt8](repeating: 2, count: chunk)), Wire.finish,
        ]
        for pieceSize in [1_000, Int.max] {
            var reader = FrameReader(lengthLimit: 1 << 20)
            #expect(try reader.feed(frames.flatMap(\.self), in: pieceSize) == frames)
        }
    }

    @Test("The frame reader takes a frame that is larger than a chunk, between small ones")
    func frameLargerThanChunk() throws {
        let large = Wire.bytes((0..<300_000).map { UInt8(truncatingIfNeeded: $0) })
        let frames = [Wire.text("before"), large, Wire.text("after")]
        for pieceSize in [999, 65_536, Int.max] {
            var reader = FrameReader(lengthLimit: 1 << 20)
            #expect(try reader.feed(frames.flatMap(\.self), in: pieceSize) == frames)
        }
    }

    @Test("The frame reader never overwrites bytes that it has returned")
    func returnedBytesAreNeverOverwritten() throws {
        var reader = FrameReader(lengthLimit: 1 << 20)
        var views: [(FrameReader.Frame, UInt8)] = []
        for number in 0..<100 as Range<UInt8> {
            try reader.receive(Wire.bytes([UInt8](repeating: number, count: 5_000))[...])
            if let frame = try reader.next() { views.append((frame, number)) }
        }
        #expect(views.count == 100)
        for (frame, number) in views {
            #expect(frame.payload.withUnsafeBytes { [UInt8]($0) } == [UInt8](repeating: number, count: 5_000))
        }
    }

    @Test("The frame reader judges a header before it makes room for the payload")
    func headerIsJudgedBeforeAllocation() throws {
        var reader = FrameReader(lengthLimit: 1_000)
        try reader.receive(Wire.text("fine")[...] + Wire.frame(1, length: 1_001))
        #expect(try reader.next()?.bytes == Wire.text("fine"))
        #expect(throws: ProtocolViolation.self) { try reader.next() }
        // No room was made for what it announced.
        #expect(try reader.room().count <= 4 << 10)
    }

    @Test("The frame reader's room for a long frame grows with what has arrived, whatever length is announced")
    func roomGrowsWithWhatArrives() throws {
        var reader = FrameReader(lengthLimit: 64 << 20)
        let payload = (0..<(3 << 20) + 1).map { UInt8(truncatingIfNeeded: $0 >> 8) }
        let frame = Wire.bytes(payload)
        try reader.receive(frame[..<8])
        #expect(try reader.next()?.bytes == nil)
        var came = 8
        while came < frame.count {
            let room = try reader.room()
            // Four times, and twice that where such a block lay ready.
            #expect(came + room.count <= max(256 << 10, 8 * came))
            let piece = frame[came...].prefix(room.count)
            room.copyBytes(from: piece)
            reader.didReceive(piece.count)
            came += piece.count
        }
        #expect(try reader.next()?.bytes == frame)
    }

    @Test("The frame reader's room after a long message is no larger than on a connection that has sent 2 MiB")
    func roomAfterLongMessageIsSmall() throws {
        var reader = FrameReader(lengthLimit: 64 << 20)
        let frame = Wire.bytes([UInt8](repeating: 1, count: 20 << 20))
        #expect(try reader.feed(frame, in: .max) == [frame])
        try reader.receive(Wire.frame(1, length: 64 << 20)[...])
        #expect(try reader.next()?.bytes == nil)
        #expect(try reader.room().count <= 2 << 20)
    }

    @Test("The frame reader holds no memory while the stream is quiet between frames")
    func quietReaderHoldsNoMemory() throws {
        var reader = FrameReader(lengthLimit: 1 << 20)
        weak var chunk: Chunk?
        try reader.receive(Wire.bytes([UInt8](repeating: 1, count: 5_000))[...])
        do {
            let frame = try #require(try reader.next())
            let held = try #require(frame.payload.chunk, "a payload of 5,000 bytes is not a view")
            chunk = held
            reader.rest()
            #expect(chunk != nil)
        }
        #expect(chunk == nil)
    }
}

extension FrameReader {
    mutating func receive(_ bytes: ArraySlice<UInt8>) throws {
        var rest = bytes
        while !rest.isEmpty {
            let room = try room()
            let part = rest.prefix(room.count)
            room.copyBytes(from: part)
            didReceive(part.count)
            rest = rest.dropFirst(part.count)
        }
    }

    /// As the port does it: takes all frames, then receives again.
    mutating func feed(_ bytes: [UInt8], in pieceSize: Int) throws -> [[UInt8]] {
        var frames: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let room = try room()
            let piece = rest.prefix(min(pieceSize, room.count))
            room.copyBytes(from: piece)
            didReceive(piece.count)
            rest = rest.dropFirst(piece.count)
            while let frame = try next() { frames.append(frame.bytes) }
        }
        return frames
    }
}

extension FrameReader.Frame {
    /// The frame as it was on the wire.
    var bytes: [UInt8] { Wire.frame(kind.rawValue, payload.withUnsafeBytes { [UInt8]($0) }) }
}
