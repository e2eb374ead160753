import ConnectToLinux

@testable import ConnectToPorts

/// The frame reader and the transfer table, fed a stream in pieces of any size.
///
/// Beside it runs a twin that gets the same, but is moved from reader to reader as when its port is
/// transferred: both must give the same.
func fuzzFrames(_ source: consuming ByteSource) {
    var straight = FrameReader(lengthLimit: 1 << 20)
    var moving = straight
    var life = PortLife(isOpen: true)
    while !source.isAtEnd {
        let step = source.byte()
        let piece = source.bytes(1 + Int(step & 31))
        if piece.isEmpty { return }
        let descriptors = (0..<[0, 1, 3, 253][Int(step >> 6)]).map { _ in Descriptor.none }
        if step & 32 != 0 {
            let remainder = moving.remainder
            moving = FrameReader(lengthLimit: 1 << 20)
            try? moving.resume(remainder)
            expect(moving.remainder.bytes == remainder.bytes, "a move lost bytes")
        }
        straight.receive(piece, descriptors)
        moving.receive(piece, descriptors)
        do {
            while true {
                let (frame, twin) = (straight.outcome(), moving.outcome())
                expect(frame.isSame(as: twin), "the moved reader gave \(twin), not \(frame)")
                guard case .frame(let frame) = frame else {
                    if case .violation = frame { return }
                    break
                }
                try live(&life, frame)
            }
        } catch {
            return
        }
    }
}

private enum Outcome {
    case frame(FrameReader.Frame)
    case nothing
    case violation

    func isSame(as other: Outcome) -> Bool {
        switch (self, other) {
        case (.frame(let a), .frame(let b)):
            a.kind == b.kind && a.payload.bytes == b.payload.bytes
                && a.descriptors?.map(ObjectIdentifier.init) == b.descriptors?.map(ObjectIdentifier.init)
        case (.nothing, .nothing), (.violation, .violation): true
        default: false
        }
    }
}

extension FrameReader {
    fileprivate mutating func receive(_ piece: UnsafeRawBufferPointer, _ descriptors: [Descriptor]) {
        var piece = piece
        var descriptors = descriptors
        while !piece.isEmpty {
            guard let room = try? room(), !room.isEmpty else { return expect(false, "no room") }
            let count = min(room.count, piece.count)
            room.copyMemory(from: UnsafeRawBufferPointer(rebasing: piece.prefix(count)))
            didReceive(count, descriptors)
            descriptors = []
            piece = UnsafeRawBufferPointer(rebasing: piece.dropFirst(count))
        }
    }

    fileprivate mutating func outcome() -> Outcome {
        do throws(ProtocolViolation) {
            return try next().map(Outcome.frame) ?? .nothing
        } catch {
            return .violation
        }
    }
}

/// What a port does with a frame, without the port.
private func live(_ life: inout PortLife, _ frame: FrameReader.Frame) throws(ProtocolViolation) {
    switch frame.kind {
    case .bytes, .text, .json:
        _ = try life.didReceiveMessages(1)
        if let descriptors = frame.descriptors { try unpack(frame.payload.bytes, descriptors, depth: 0) }
        planted(frame.payload.withUnsafeBytes(hasOddByte))
        _ = life.didTake(1)
    case .finish:
        _ = try life.didReceiveFinish()
    case .close:
        let count = frame.payload.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        _ = try life.didReceiveClose(taken: UInt64(littleEndian: count))
        expect(life.isOver && life.reason?.code == .closed, "a close that does not close")
    }
}

/// A table that can be read can be written, and then says the same; the lines in it live on.
private func unpack(_ payload: [UInt8], _ descriptors: [Descriptor], depth: Int) throws(ProtocolViolation) {
    let table = try decode(payload, descriptors)
    expect(
        table.descriptors.map(ObjectIdentifier.init) == descriptors.map(ObjectIdentifier.init),
        "descriptors got lost, or their order did")
    let encoded = table.encoded
    expect(table.size == encoded.count, "the size is not that of the encoded form")
    expect((try? decode(encoded, descriptors))?.encoded == encoded, "the table does not survive a round trip")
    for case .port(let cargo) in table.items {
        var life = PortLife(isOpen: true)
        life.resume(
            posted: cargo.posted, taken: cargo.taken, hasFinished: cargo.hasFinished, finishIsSent: cargo.finishIsSent)
        _ = life.post()
        var reader = FrameReader(lengthLimit: 1 << 20)
        try? reader.resume(cargo.input)
        while depth < 3, case .frame(let frame) = reader.outcome() {
            guard let descriptors = frame.descriptors else {
                guard (try? live(&life, frame)) != nil else { break }
                continue
            }
            guard (try? unpack(frame.payload.bytes, descriptors, depth: depth + 1)) != nil else { break }
        }
        _ = life.close()
    }
}

private func decode(
    _ payload: [UInt8], _ descriptors: [Descriptor]
) throws(ProtocolViolation) -> TransferTable {
    var length = 0
    let result: Result<TransferTable, ProtocolViolation> = payload.withUnsafeBytes { bytes in
        Result { () throws(ProtocolViolation) in
            try TransferTable(decoding: bytes, descriptors, length: &length)
        }
    }
    let table = try result.get()
    expect(length <= payload.count, "a table longer than what it was read from")
    return table
}

extension Payload {
    fileprivate var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }
}

extension Descriptor {
    /// One that is closed in vain.
    fileprivate static var none: Descriptor { Descriptor(adopting: -1) }
}
