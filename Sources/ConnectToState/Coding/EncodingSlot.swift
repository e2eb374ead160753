import FoundationEssentials

/// Where one value is encoded to, and what has been encoded there so far.
final class EncodingSlot {
    private enum Content {
        case value(StateValue)
        case array([EncodingSlot])
        case object([String: EncodingSlot])
    }

    /// Nil: nothing, which is an empty object, as with `JSONEncoder` where a type encodes nothing inside of another.
    private var content: Content?

    var value: StateValue {
        switch content {
        case nil: [:]
        case .value(let value): value
        case .array(let slots): .array(slots.map(\.value))
        case .object(let slots): .object(slots.mapValues(\.value))
        }
    }

    var count: Int { if case .array(let slots) = content { slots.count } else { 0 } }

    func set(_ value: StateValue) { content = .value(value) }

    func becomeArray() { if case .array = content {} else { content = .array([]) } }

    func becomeObject() { if case .object = content {} else { content = .object([:]) } }

    func append() -> EncodingSlot {
        let slot = EncodingSlot()
        guard case .array(var slots) = content else { return slot }
        // Taken out, so that the array is not copied.
        content = nil
        slots.append(slot)
        content = .array(slots)
        return slot
    }

    func member(_ key: String) -> EncodingSlot {
        let slot = EncodingSlot()
        guard case .object(var slots) = content else { return slot }
        content = nil
        slots[key] = slot
        content = .object(slots)
        return slot
    }

    func encode<Value: Encodable>(_ value: Value, _ path: [any CodingKey]) throws {
        switch value {
        case let value as StateValue: set(value)
        case let value as Data: set(.string(value.base64EncodedString()))
        case let value as URL: set(.string(value.absoluteString))
        default: try value.encode(to: StateEncoding(slot: self, codingPath: path))
        }
    }

    func encode(_ number: some BinaryInteger & Encodable, _ path: [any CodingKey]) throws {
        guard let integer = Int64(exactly: number) else {
            throw EncodingError.invalidValue(
                number,
                EncodingError.Context(
                    codingPath: path,
                    debugDescription: "\(number) is beyond an integer of 64 bits; write it as a string"))
        }
        set(.integer(integer))
    }

    func encode(_ number: Double, _ path: [any CodingKey]) throws {
        guard number.isFinite else {
            throw EncodingError.invalidValue(
                number,
                EncodingError.Context(
                    codingPath: path, debugDescription: "\(number) is no number of JSON; write null or a string"))
        }
        set(.number(number))
    }
}
