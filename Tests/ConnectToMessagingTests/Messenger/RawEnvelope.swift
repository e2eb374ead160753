import ConnectTo

/// A message of a line of calls (`dbus/CALLS.md`, section 2) with whatever a peer may put into it, right or wrong.
struct RawEnvelope {
    var operation: UInt8
    var body: UInt8 = 0
    var flags: UInt8 = 0
    var number: UInt32 = 0
    var id: UInt64 = 0
    var name: [UInt8] = []
    /// A failure's text, and the body.
    var rest: [UInt8] = []
    var transfer: [Transferable] = []

    var bytes: [UInt8] {
        [operation, body, flags, UInt8(name.count)]
            + withUnsafeBytes(of: number.littleEndian, Array.init) + withUnsafeBytes(of: id.littleEndian, Array.init)
            + name + rest
    }

    var message: OutgoingMessage { .bytes(bytes, transfer: transfer) }

    // MARK: What a peer sends that keeps the rules

    static func hello(places: UInt32 = 64, window: UInt64 = 1 << 24) -> RawEnvelope {
        RawEnvelope(operation: 1, flags: 1, number: places, id: window)
    }

    static func request(
        _ id: UInt64, _ type: String = "echo", wantsMany: Bool = false, body: [UInt8]? = nil
    ) -> RawEnvelope {
        RawEnvelope(
            operation: 2, body: body == nil ? 0 : 1, flags: wantsMany ? 1 : 0, id: id, name: Array(type.utf8),
            rest: body ?? [])
    }

    static func element(_ id: UInt64) -> RawEnvelope { RawEnvelope(operation: 3, body: 3, id: id, rest: [0x31]) }
    static func result(_ id: UInt64) -> RawEnvelope { RawEnvelope(operation: 4, body: 3, id: id, rest: [0x31]) }

    static func failure(_ id: UInt64, _ code: String = "no") -> RawEnvelope {
        RawEnvelope(operation: 5, number: 4, id: id, name: Array(code.utf8), rest: Array("text".utf8))
    }

    static func cancel(_ id: UInt64) -> RawEnvelope { RawEnvelope(operation: 6, id: id) }

    /// - Parameter kind: 1 places, 2 bytes, 3 elements.
    static func grant(_ kind: UInt8, _ count: UInt32, of id: UInt64 = 0) -> RawEnvelope {
        RawEnvelope(operation: 7, flags: kind, number: count, id: id)
    }

    static func event(_ type: String = "news", body: [UInt8]? = nil) -> RawEnvelope {
        RawEnvelope(operation: 8, body: body == nil ? 0 : 1, name: Array(type.utf8), rest: body ?? [])
    }

    static func lane(_ transfer: Transferable...) -> RawEnvelope { RawEnvelope(operation: 9, transfer: transfer) }
}

extension RawEnvelope {
    /// The same with some of it made wrong.
    func with(_ change: (inout RawEnvelope) -> Void) -> RawEnvelope {
        var changed = self
        change(&changed)
        return changed
    }

    func bringing(_ things: Transferable...) -> RawEnvelope { with { $0.transfer = things } }
}
