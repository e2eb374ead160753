extension Envelope {
    /// The bytes that it takes, without a body.
    var length: Int { operation.head.length }

    /// Writes a message: this envelope and its body.
    ///
    /// - Parameter bytes: the body; empty where ``body`` is nil. The names have been checked when they came from the
    ///   program, so each has at most 255 bytes.
    func encoded(body bytes: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)) -> [UInt8] {
        var head = operation.head
        head.body = body
        head.isCompressed = isCompressed
        return head.encoded(body: bytes)
    }

    /// Reads the envelope of a message.
    ///
    /// - Returns: the envelope, and the offset of the body.
    static func decode(
        _ message: UnsafeRawBufferPointer, transferredCount: Int = 0
    ) throws(ProtocolViolation) -> (Envelope, bodyOffset: Int) {
        guard message.count >= Head.size else {
            throw ProtocolViolation("a message of \(message.count) bytes, shorter than an envelope")
        }
        guard let code = Head.Code(rawValue: message[0]) else {
            throw ProtocolViolation("an envelope with the unknown operation \(message[0])")
        }
        guard message[1] <= BodyKind.json.rawValue else {
            throw ProtocolViolation("an envelope with the unknown kind of body \(message[1])")
        }
        var head = Head(code)
        head.flags = message[2] & ~Head.compressed
        head.number = UInt32(littleEndian: message.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        head.id = UInt64(littleEndian: message.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        var offset = Head.size
        head.name = try message.text(Int(message[3]), at: &offset)
        if code == .failure { head.text = try message.text(Int(head.number), at: &offset) }

        let envelope = Envelope(
            operation: try Operation(head), body: BodyKind(rawValue: message[1]),
            isCompressed: message[2] & Head.compressed != 0)
        guard envelope.body != nil || offset == message.count else {
            throw ProtocolViolation("a message with bytes behind an envelope that has no body")
        }
        try envelope.check(transferredCount: transferredCount)
        return (envelope, offset)
    }

    private func check(transferredCount: Int) throws(ProtocolViolation) {
        guard body != nil || !isCompressed else { throw ProtocolViolation("a compressed body that is not there") }
        switch operation {
        case .request, .element, .result, .failure, .event:
            break
        case .lane:
            guard body == nil else { throw ProtocolViolation("a lane with a body") }
            guard transferredCount == 1 else {
                throw ProtocolViolation("a lane with \(transferredCount) transferred things instead of one port")
            }
        case .hello, .cancel, .grant, .rest:
            guard body == nil else { throw ProtocolViolation("a body where the operation has none") }
            guard transferredCount == 0 else {
                throw ProtocolViolation("things transferred with an operation that takes none")
            }
        }
        if case .request(_, type: "", _, let wantsMany) = operation {
            guard body == nil, !wantsMany, transferredCount == 0 else {
                throw ProtocolViolation("a barrier that asks for more than that")
            }
        }
    }
}

extension Envelope.Operation {
    /// What it looks like on the wire.
    var head: Head {
        switch self {
        case .hello(let hello):
            Head(
                .hello, flags: hello.version, number: hello.places, id: hello.window,
                name: hello.features.sorted().joined(separator: " "))
        case .request(let id, let type, let remaining, let wantsMany):
            Head(.request, flags: wantsMany ? Head.many : 0, number: remaining, id: id, name: type)
        case .element(let id):
            Head(.element, id: id)
        case .result(let id, let keepsPlace):
            Head(.result, flags: keepsPlace ? Head.placeKept : 0, id: id)
        case .failure(let id, let code, let text, let keepsPlace):
            Head(
                .failure, flags: keepsPlace ? Head.placeKept : 0,
                number: UInt32(truncatingIfNeeded: text.utf8.count), id: id, name: code, text: text)
        case .cancel(let id):
            Head(.cancel, id: id)
        case .grant(.places(let count)):
            Head(.grant, flags: 1, number: count)
        case .grant(.window(let count)):
            Head(.grant, flags: 2, number: count)
        case .grant(.elements(let count, let id)):
            Head(.grant, flags: 3, number: count, id: id)
        case .event(let type):
            Head(.event, name: type)
        case .lane:
            Head(.lane)
        case .rest(let rest):
            Head(.rest, flags: rest.rawValue)
        }
    }

    fileprivate init(_ head: Head) throws(ProtocolViolation) {
        switch head.code {
        case .hello:
            self = .hello(try Hello(head))
        case .request:
            guard head.flags & ~Head.many == 0 else { throw head.unknownFlags }
            self = .request(
                id: try head.requestID, type: head.name, remaining: head.number,
                wantsMany: head.flags & Head.many != 0)
        case .element:
            try head.expect(flags: 0, number: true, name: true)
            self = .element(id: try head.requestID)
        case .result:
            try head.expect(flags: Head.placeKept, number: true, name: true)
            self = .result(id: try head.requestID, keepsPlace: head.flags & Head.placeKept != 0)
        case .failure:
            try head.expect(flags: Head.placeKept)
            guard !head.name.isEmpty else { throw ProtocolViolation("a failure without a code") }
            self = .failure(
                id: try head.requestID, code: head.name, text: head.text,
                keepsPlace: head.flags & Head.placeKept != 0)
        case .cancel:
            try head.expect(flags: 0, number: true, name: true)
            self = .cancel(id: try head.requestID)
        case .grant:
            self = .grant(try Envelope.Grant(head))
        case .event:
            try head.expect(flags: 0, number: true, id: true)
            guard !head.name.isEmpty else { throw ProtocolViolation("an event without a type") }
            self = .event(type: head.name)
        case .lane:
            try head.expect(flags: 0, number: true, id: true, name: true)
            self = .lane
        case .rest:
            try head.expect(flags: head.flags, number: true, id: true, name: true)
            guard let rest = Envelope.Rest(rawValue: head.flags) else { throw head.unknownFlags }
            self = .rest(rest)
        }
    }
}

extension Hello {
    fileprivate init(_ head: Head) throws(ProtocolViolation) {
        guard head.flags != 0 else { throw ProtocolViolation("a hello of version 0") }
        guard head.number >= Hello.least.places, head.number <= Int32.max else {
            throw ProtocolViolation("a hello that grants \(head.number) places")
        }
        guard head.id >= Hello.least.window, head.id <= Int64.max else {
            throw ProtocolViolation("a hello with a window of \(head.id) bytes")
        }
        self.init(
            version: head.flags, places: head.number, window: head.id,
            features: Set(head.name.split(separator: " ").map(String.init)))
    }
}

extension Envelope.Grant {
    fileprivate init(_ head: Head) throws(ProtocolViolation) {
        guard head.number != 0 else { throw ProtocolViolation("a grant of nothing") }
        try head.expect(flags: head.flags, id: head.flags != 3, name: true)
        self =
            switch head.flags {
            case 1: .places(head.number)
            case 2: .window(head.number)
            case 3: .elements(head.number, of: try head.requestID)
            default: throw head.unknownFlags
            }
    }
}

extension Head {
    /// Checks that the head has no flags but these, and that the fields named are 0 or empty.
    func expect(
        flags allowed: UInt8, number isZero: Bool = false, id hasNone: Bool = false, name isEmpty: Bool = false
    ) throws(ProtocolViolation) {
        guard flags & ~allowed == 0 else { throw unknownFlags }
        guard !isZero || number == 0, !hasNone || id == 0, !isEmpty || name.isEmpty else {
            throw ProtocolViolation("a \(code) with a number, id or name that it does not have")
        }
    }

    var unknownFlags: ProtocolViolation { ProtocolViolation("a \(code) with the unknown flags \(flags)") }

    /// The id, which is never 0.
    var requestID: UInt64 {
        get throws(ProtocolViolation) {
            guard id != 0 else { throw ProtocolViolation("a \(code) without the id of a request") }
            return id
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func text(_ size: Int, at offset: inout Int) throws(ProtocolViolation) -> String {
        if size == 0 { return "" }
        guard size <= count - offset else { throw ProtocolViolation("an envelope that is cut off") }
        let bytes = UnsafeRawBufferPointer(rebasing: self[offset..<offset + size])
        offset += size
        // Most names are ASCII, which needs no check that would take longer than all else of the envelope.
        if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ProtocolViolation("an envelope with a name or text that is not UTF-8")
        }
        return text
    }
}
