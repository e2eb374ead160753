/// What a ``Transferred`` property can hold: a ``MessagePort``, an ``OpenFile``, a ``SharedBuffer``, a ``Transferable``,
/// and optionals, arrays and dictionaries (by `String`) of these.
///
/// Programs need not conform types of their own: a type that has things in it declares them as ``Transferred``.
public protocol TransferredContent: Sendable {
    /// Enters the things into the list of the message that is being encoded, and encodes their numbers.
    func encodeTransferred(to encoder: any Encoder) throws

    /// Decodes the numbers, and finds the things in the message that is being decoded.
    static func decodeTransferred(from decoder: any Decoder) throws -> Self
}

extension Transferable: TransferredContent {
    public func encodeTransferred(to encoder: any Encoder) throws {
        let number = try ThingsEncoded.number(of: self, at: encoder.codingPath)
        var container = encoder.singleValueContainer()
        try container.encode(number)
    }

    public static func decodeTransferred(from decoder: any Decoder) throws -> Transferable {
        try ThingsDecoded.thing(of: nil, \.self, from: decoder)
    }
}

extension MessagePort: TransferredContent {
    public func encodeTransferred(to encoder: any Encoder) throws {
        try Transferable.port(self).encodeTransferred(to: encoder)
    }

    public static func decodeTransferred(from decoder: any Decoder) throws -> MessagePort {
        try ThingsDecoded.thing(of: .port, \.port, from: decoder)
    }
}

extension OpenFile: TransferredContent {
    public func encodeTransferred(to encoder: any Encoder) throws {
        try Transferable.file(self).encodeTransferred(to: encoder)
    }

    public static func decodeTransferred(from decoder: any Decoder) throws -> OpenFile {
        try ThingsDecoded.thing(of: .file, \.file, from: decoder)
    }
}

extension SharedBuffer: TransferredContent {
    public func encodeTransferred(to encoder: any Encoder) throws {
        try Transferable.buffer(self).encodeTransferred(to: encoder)
    }

    public static func decodeTransferred(from decoder: any Decoder) throws -> SharedBuffer {
        try ThingsDecoded.thing(of: .buffer, \.buffer, from: decoder)
    }
}

extension Optional: TransferredContent where Wrapped: TransferredContent {
    public func encodeTransferred(to encoder: any Encoder) throws {
        try map(Transferred.init).encode(to: encoder)
    }

    public static func decodeTransferred(from decoder: any Decoder) throws -> Self {
        try Transferred<Wrapped>?(from: decoder)?.wrappedValue
    }
}

extension Array: TransferredContent where Element: TransferredContent {
    public func encodeTransferred(to encoder: any Encoder) throws {
        try map(Transferred.init).encode(to: encoder)
    }

    public static func decodeTransferred(from decoder: any Decoder) throws -> Self {
        try [Transferred<Element>](from: decoder).map(\.wrappedValue)
    }
}

extension Dictionary: TransferredContent where Key == String, Value: TransferredContent {
    public func encodeTransferred(to encoder: any Encoder) throws {
        try mapValues(Transferred.init).encode(to: encoder)
    }

    public static func decodeTransferred(from decoder: any Decoder) throws -> Self {
        try [String: Transferred<Value>](from: decoder).mapValues(\.wrappedValue)
    }
}
