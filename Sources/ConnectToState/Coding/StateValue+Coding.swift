import FoundationEssentials

extension StateValue {
    /// Makes the value of JSON that an `Encodable` value is: what it encodes by keys is an object, so that a document
    /// holds each of its properties at a path of its own.
    ///
    /// `Data` becomes a string of Base64 and `URL` a string, as `JSONEncoder` has them. Every other type is what it
    /// encodes itself as: a `Date` the seconds since 2001, a `UUID` a string.
    ///
    /// - Throws: ``StateError`` with ``StateError/Code/notEncodable``: the type's own `encode(to:)` throws, or a number is
    ///   none of JSON (not finite, or an integer outside of 64 bits).
    public init(encoding value: some Encodable) throws(StateError) {
        do {
            let slot = EncodingSlot()
            try slot.encode(value, [])
            self = slot.value
        } catch let error as StateError {
            throw error
        } catch {
            throw StateError(
                .notEncodable, "a \(type(of: value)) is not a value of shared state: \(Self.reason(of: error))",
                cause: error)
        }
    }

    /// Makes a `Decodable` value of this one.
    ///
    /// A number is decoded where the type can hold it exactly, whether it was written as an integer or not; `Double` and
    /// `Float` take the nearest.
    ///
    /// - Throws: ``StateError`` with ``StateError/Code/notDecodable``, which says where the value does not fit.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws(StateError) -> Value {
        do {
            return try StateDecoding(value: self, codingPath: []).decode(type)
        } catch {
            throw StateError(
                .notDecodable, "the value is not a \(type): \(Self.reason(of: error)); read it as another type",
                cause: error)
        }
    }

    private static func reason(of error: any Error) -> String {
        func place(_ context: DecodingError.Context, _ more: String = "") -> String {
            let path = StatePath(context.codingPath.map(\.stringValue)).description
            return (path.isEmpty ? "" : "at \(path): ") + context.debugDescription + more
        }
        switch error {
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.keyNotFound(_, let context), DecodingError.dataCorrupted(let context):
            return place(context)
        case EncodingError.invalidValue(_, let context):
            let path = StatePath(context.codingPath.map(\.stringValue)).description
            return (path.isEmpty ? "" : "at \(path): ") + context.debugDescription
        default: return "\(error)"
        }
    }
}
