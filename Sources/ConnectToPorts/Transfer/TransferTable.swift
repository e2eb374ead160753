import ConnectToLinux

/// The table of the things transferred with a message, which stands at the beginning of the frame's payload; does no
/// I/O (`dbus/PROTOCOL.md`, "Transfer").
struct TransferTable: Sendable {
    enum Item: Sendable {
        case file(Descriptor)
        case movedBuffer(Descriptor, size: Int)
        case sharedBuffer(Descriptor, size: Int)
        case port(PortCargo)
    }

    private enum Kind: UInt8 {
        case file = 1
        case movedBuffer = 2
        case sharedBuffer = 3
        case port = 4
    }

    /// The most things that one message can transfer: as many as descriptors, although a port whose line is over needs
    /// none.
    static let itemLimit = FrameHeader.descriptorLimit

    /// The most segments of one port's output: each segment but the first begins with a descriptor.
    static let segmentLimit = 1 + FrameHeader.descriptorLimit

    private static let finishedFlag: UInt8 = 1
    /// The line is over: no socket comes with the port.
    private static let overFlag: UInt8 = 2
    /// Only a receiver that knows all entries of the extension can use the line.
    private static let needsFlag: UInt8 = 4

    var items: [Item] = []

    var descriptors: [Descriptor] {
        items.flatMap { item -> [Descriptor] in
            switch item {
            case .file(let descriptor), .movedBuffer(let descriptor, _), .sharedBuffer(let descriptor, _):
                [descriptor]
            case .port(let cargo):
                [cargo.socket?.descriptor].compactMap { $0 } + cargo.input.descriptors
                    + cargo.output.flatMap(\.descriptors)
            }
        }
    }

    /// The number of descriptors, without those that the ports in the table have received and have yet to read.
    var ownDescriptorCount: Int {
        descriptors.count
            - items.reduce(0) { count, item in
                if case .port(let cargo) = item { count + cargo.input.descriptors.count } else { count }
            }
    }

    /// What counts against ``FrameHeader/descriptorLimit``: the number of descriptors, or of things where that is
    /// larger, since a port that is over brings no descriptor.
    var weight: Int { max(items.count, descriptors.count) }

    /// The encoded form's length, in bytes. Check this before using ``encoded``, which is only for a table that fits a
    /// frame.
    var size: Int {
        items.reduce(4 + 4) { size, item in
            switch item {
            case .file: size + 1
            case .movedBuffer, .sharedBuffer: size + 1 + 8
            case .port(let cargo):
                cargo.output.reduce(size + 2 + 8 + 8 + 4 + 2 + 4 + 2 + cargo.input.bytes.count) {
                    $0 + 4 + 2 + $1.bytes.count
                }
            }
        }
    }

    // MARK: Writing

    /// The table's own length, the number of items, the items.
    var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.append(UInt32(items.count))
        for item in items {
            switch item {
            case .file:
                writer.append(Kind.file.rawValue)
            case .movedBuffer(_, let size):
                writer.append(Kind.movedBuffer.rawValue)
                writer.append(UInt64(size))
            case .sharedBuffer(_, let size):
                writer.append(Kind.sharedBuffer.rawValue)
                writer.append(UInt64(size))
            case .port(let cargo):
                writer.append(Kind.port.rawValue)
                writer.append(
                    (cargo.hasFinished ? Self.finishedFlag : 0) | (cargo.socket == nil ? Self.overFlag : 0))
                writer.append(cargo.posted)
                writer.append(cargo.taken)
                writer.append(UInt32(cargo.input.bytes.count))
                writer.append(UInt16(cargo.input.descriptors.count))
                writer.append(UInt32(cargo.output.count))
                // The size of the extension: version 1 has no entries.
                writer.append(UInt16(0))
                writer.bytes += cargo.input.bytes
                for segment in cargo.output {
                    writer.append(UInt32(segment.bytes.count))
                    writer.append(UInt16(segment.descriptors.count))
                    writer.bytes += segment.bytes
                }
            }
        }
        var whole = ByteWriter()
        whole.append(UInt32(writer.bytes.count))
        whole.bytes += writer.bytes
        return whole.bytes
    }

    // MARK: Reading

    init(_ items: [Item] = []) {
        self.items = items
    }

    /// Decodes a table from the beginning of a payload.
    ///
    /// - Parameter length: set to the table's length in the payload.
    init(
        decoding payload: UnsafeRawBufferPointer, _ descriptors: [Descriptor], length: inout Int
    ) throws(ProtocolViolation) {
        var outer = ByteReader(payload)
        let size = Int(try outer.next(UInt32.self))
        var reader = ByteReader(try outer.next(size))
        length = 4 + size
        var rest = descriptors[...]
        let count = try reader.next(UInt32.self)
        guard count <= Self.itemLimit else { throw .table("has \(count) items; the limit is \(Self.itemLimit)") }
        for _ in 0..<count {
            items.append(try Self.item(&reader, &rest))
        }
        guard reader.isAtEnd else { throw .table("is longer than its items") }
        guard rest.isEmpty else { throw .table("describes fewer descriptors than came with it") }
    }

    private static func item(
        _ reader: inout ByteReader, _ descriptors: inout ArraySlice<Descriptor>
    ) throws(ProtocolViolation) -> Item {
        guard let kind = Kind(rawValue: try reader.next(UInt8.self)) else {
            throw .table("has an item of an unknown kind")
        }
        switch kind {
        case .file:
            return .file(try removeFirst(of: &descriptors))
        case .movedBuffer, .sharedBuffer:
            guard let size = Int(exactly: try reader.next(UInt64.self)) else {
                throw .table("has a buffer of an impossible size")
            }
            let descriptor = try removeFirst(of: &descriptors)
            return kind == .movedBuffer
                ? .movedBuffer(descriptor, size: size) : .sharedBuffer(descriptor, size: size)
        case .port:
            return .port(try cargo(&reader, &descriptors))
        }
    }

    private static func cargo(
        _ reader: inout ByteReader, _ descriptors: inout ArraySlice<Descriptor>
    ) throws(ProtocolViolation) -> PortCargo {
        let flags = try reader.next(UInt8.self)
        guard flags & ~(finishedFlag | overFlag | needsFlag) == 0 else {
            throw .table("has a port with unknown flags")
        }
        var cargo = PortCargo(
            socket: flags & overFlag == 0 ? StreamSocket(try removeFirst(of: &descriptors)) : nil,
            posted: try reader.next(UInt64.self),
            taken: try reader.next(UInt64.self), hasFinished: flags & finishedFlag != 0,
            needsExtension: flags & needsFlag != 0, input: Segment(), output: [])
        let inputSize = Int(try reader.next(UInt32.self))
        let inputDescriptors = Int(try reader.next(UInt16.self))
        let segments = try reader.next(UInt32.self)
        guard segments <= segmentLimit else {
            throw .table("has a port with \(segments) segments; the limit is \(segmentLimit)")
        }
        // The extension: this version knows no entries, and skips it.
        _ = try reader.next(Int(try reader.next(UInt16.self)))
        cargo.input.bytes = [UInt8](try reader.next(inputSize))
        cargo.input.descriptors = try removeFirst(inputDescriptors, of: &descriptors)
        for _ in 0..<segments {
            let size = Int(try reader.next(UInt32.self))
            let count = Int(try reader.next(UInt16.self))
            guard size > 0 else { throw .table("has a port with an empty segment") }
            cargo.output.append(
                Segment([UInt8](try reader.next(size)), try removeFirst(count, of: &descriptors)))
        }
        return cargo
    }

    private static func removeFirst(of descriptors: inout ArraySlice<Descriptor>) throws(ProtocolViolation)
        -> Descriptor
    {
        guard let first = descriptors.popFirst() else { throw .table("needs more descriptors than came with it") }
        return first
    }

    private static func removeFirst(
        _ count: Int, of descriptors: inout ArraySlice<Descriptor>
    ) throws(ProtocolViolation) -> [Descriptor] {
        guard descriptors.count >= count else { throw .table("needs more descriptors than came with it") }
        defer { descriptors = descriptors.dropFirst(count) }
        return Array(descriptors.prefix(count))
    }
}

extension ProtocolViolation {
    fileprivate static func table(_ what: String) -> ProtocolViolation {
        ProtocolViolation("it sent a transfer table that \(what)")
    }
}
