import CConnectToLinux
import Glibc
import Testing

@testable import ConnectToPorts

@Suite("The output queue")
struct OutputQueueTests {
    private static let frames = [
        Wire.text("Hello"), Wire.bytes([]), Wire.bytes([UInt8](repeating: 3, count: 70_000)), Wire.text("x"),
        Wire.bytes([UInt8](repeating: 4, count: 65_528)), Wire.bytes([UInt8](repeating: 5, count: 65_529)),
        Wire.finish,
    ]

    @Test(
        "The output queue returns its bytes in order, however little is written at a time",
        arguments: [1, 7, 8, 1_000, 65_536, .max])
    func partialWritesKeepOrder(writeSize: Int) throws {
        var queue = OutputQueue()
        for frame in Self.frames { try queue.append(frame) }
        let all = Self.frames.flatMap(\.self)
        #expect(queue.count == all.count)
        #expect(queue.drain(writing: writeSize) == all)
        #expect(queue.isEmpty && queue.count == 0)
    }

    @Test("The output queue takes more while it is being written")
    func queueGrowsWhileItIsWritten() throws {
        var queue = OutputQueue()
        var written: [UInt8] = []
        var all: [UInt8] = []
        for number in 0..<2_000 {
            let frame = Wire.text("message \(number)")
            try queue.append(frame)
            all += frame
            written += queue.write(atMost: number % 23)
        }
        #expect(queue.count == all.count - written.count)
        written += queue.drain(writing: 10_000)
        #expect(written == all)
    }

    @Test("The output queue leaves out what was written before, of the header and of the payload", arguments: 0..<13)
    func writtenPartIsLeftOut(count: Int) throws {
        var queue = OutputQueue()
        try queue.append(Wire.text("Hello"))
        queue.didWrite(count)
        try queue.append(Wire.text("next"))
        #expect(queue.drain(writing: .max) == Wire.text("Hello").dropFirst(count) + Wire.text("next"))
    }

    @Test("The output queue gathers small frames, so that one write carries many")
    func smallFramesAreGathered() throws {
        var queue = OutputQueue()
        for _ in 0..<1_000 { try queue.append(Wire.text("small")) }
        #expect(queue.withNext { pieces, _ in pieces.map(\.count) } == [13_000])
    }

    @Test(
        "The output queue keeps a long payload that has an owner, and gathers on behind it",
        arguments: [1, 8, 9, 5_000, .max])
    func longPayloadIsKept(writeSize: Int) throws {
        let payload = [UInt8](repeating: 9, count: 20_000)
        var queue = OutputQueue()
        try queue.append(Wire.text("before"))
        try payload.withUnsafeBytes { bytes in
            try queue.append(FrameHeader(.bytes, length: bytes.count), bytes, keeping: .array(payload))
        }
        try queue.append(Wire.text("behind"))
        let all = Wire.text("before") + Wire.bytes(payload) + Wire.text("behind")
        _ = queue.write(atMost: 20)
        #expect(queue.remainder.map(\.bytes) == [[UInt8](all.dropFirst(14))])
        #expect(queue.drain(writing: writeSize) == Array(all.dropFirst(14)))
    }

    @Test(
        "The output queue keeps a long received payload in its memory, if it is most of that, and else copies it",
        arguments: [(40_000, true), (20_000, false), (100, false)])
    func receivedPayloadIsKeptInPlace(size: Int, isKept: Bool) throws {
        let chunk = try Chunk(capacity: 64 << 10)
        for index in chunk.memory.indices { chunk.memory[index] = UInt8(truncatingIfNeeded: index) }
        let payload = UnsafeRawBufferPointer(rebasing: chunk.memory[1_000..<1_000 + size])
        var queue = OutputQueue()
        try queue.append(Wire.text("before"))
        try queue.append(FrameHeader(.bytes, length: size), payload, keeping: .chunk(chunk))
        let all = Wire.text("before") + Wire.bytes([UInt8](payload))
        #expect(queue.count == all.count)
        var isView = false
        var written: [UInt8] = []
        while !queue.isEmpty {
            isView = isView || queue.withNext { pieces, _ in pieces.contains { $0.start == payload.baseAddress } }
            written += queue.write(atMost: 5_000)
        }
        #expect(written == all)
        #expect(isView == isKept)
    }

    @Test("The output queue replaces a frame at its place until a byte of it has been written", arguments: 0..<200)
    func frameIsReplacedUntilWritten(seed: UInt64) throws {
        var chance = Chance(seed)
        var queue = OutputQueue()
        // The same by hand: what waits, and how much of the first has been written.
        var model: [(key: String?, frame: [UInt8])] = []
        var begun = 0
        var expected: [UInt8] = []
        var written: [UInt8] = []
        for number in 0..<100 {
            let length = chance.below(10) == 0 ? 20_000 : chance.below(30)
            let frame = Wire.bytes([UInt8](repeating: UInt8(number), count: length))
            switch chance.below(4) {
            case 0:
                try queue.append(frame)
                model.append((nil, frame))
            case 1...2:
                let key = "key \(chance.below(3))"
                let index = model.lastIndex { $0.key == key }.flatMap { $0 > 0 || begun == 0 ? $0 : nil }
                #expect(queue.waitingSize(under: key) == index.map { model[$0].frame.count })
                queue.append(frame, replacing: key)
                if let index { model[index].frame = frame } else { model.append((key, frame)) }
            default:
                let bytes = queue.write(atMost: chance.below(60))
                written += bytes
                begun += bytes.count
                while let first = model.first, begun >= first.frame.count {
                    expected += first.frame
                    begun -= first.frame.count
                    model.removeFirst()
                }
            }
            #expect(queue.count == model.reduce(0) { $0 + $1.frame.count } - begun)
        }
        expected += model.flatMap(\.frame)
        written += queue.drain(writing: .max)
        #expect(written == expected)
        #expect(queue.waitingSize(under: "key 0") == nil)
    }

    @Test("The output queue can be emptied, and used again")
    func emptiedQueueIsUsableAgain() throws {
        var queue = OutputQueue()
        try queue.append(Wire.text("gone"))
        _ = queue.write(atMost: 3)
        queue.removeAll()
        #expect(queue.isEmpty && queue.count == 0)
        try queue.append(Wire.text("new"))
        #expect(queue.drain(writing: .max) == Wire.text("new"))
    }
}

extension OutputQueue {
    fileprivate mutating func append(_ frame: [UInt8]) throws {
        try frame.withUnsafeBytes { bytes in
            let header = try FrameHeader(decoding: bytes, lengthLimit: .max)
            try append(header, UnsafeRawBufferPointer(rebasing: bytes.dropFirst(8)))
        }
    }

    fileprivate mutating func append(_ frame: [UInt8], replacing key: String) {
        let payload = Array(frame.dropFirst(8))
        payload.withUnsafeBytes { bytes in
            append(FrameHeader(.bytes, length: bytes.count), bytes, keeping: .array(payload), replacing: key)
        }
    }

    fileprivate mutating func write(atMost size: Int) -> [UInt8] {
        if isEmpty { return [] }
        let bytes = withNext { pieces, _ in
            [UInt8](pieces.flatMap { [UInt8](UnsafeRawBufferPointer($0)) }.prefix(size))
        }
        didWrite(bytes.count)
        return bytes
    }

    fileprivate mutating func drain(writing size: Int) -> [UInt8] {
        var all: [UInt8] = []
        while !isEmpty { all += write(atMost: size) }
        return all
    }
}
