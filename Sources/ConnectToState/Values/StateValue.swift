/// A value of JSON.
///
/// Numbers keep what they were written as: an integer of 64 bits stays one, every other number is a `Double`.
public enum StateValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([StateValue])
    case object([String: StateValue])
}

/// A part of a value that a document holds by itself.
typealias StateLeaf = (path: StatePath, value: StateValue)

extension StateValue {
    /// The parts in which a document holds the value: itself, or what an object has inside, to any depth. An empty
    /// object is a part of its own, so that it is not nothing.
    func forEachLeaf(at path: StatePath, _ body: (StatePath, StateValue) -> Void) {
        guard case .object(let members) = self, !members.isEmpty else { return body(path, self) }
        for (key, member) in members.sorted(by: { $0.key < $1.key }) {
            member.forEachLeaf(at: path.appending(key), body)
        }
    }
}

extension StateValue: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([StateValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: StateValue].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let values): try container.encode(values)
        case .object(let members): try container.encode(members)
        }
    }
}

// Not by `nil`, which is no value at all where one may be missing, and not the value null.
extension StateValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: StateValue...) { self = .array(elements) }

    /// Of a key that stands twice the last value counts, as in JSON.
    public init(dictionaryLiteral elements: (String, StateValue)...) {
        self = .object([String: StateValue](elements) { $1 })
    }
}
