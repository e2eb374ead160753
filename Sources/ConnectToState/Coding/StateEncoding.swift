/// Encodes into a slot.
struct StateEncoding: Encoder {
    let slot: EncodingSlot
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        slot.becomeObject()
        return KeyedEncodingContainer(Keyed(slot: slot, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        slot.becomeArray()
        return Unkeyed(slot: slot, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(slot: slot, codingPath: codingPath) }
}

/// The key of an element, and of an encoder for a superclass.
struct StateCodingKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }

    init(intValue: Int) {
        stringValue = "\(intValue)"
        self.intValue = intValue
    }

    static let superclass = StateCodingKey(stringValue: "super")
}

extension StateEncoding {
    fileprivate struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let slot: EncodingSlot
        let codingPath: [any CodingKey]

        private func member(_ key: any CodingKey) -> StateEncoding {
            StateEncoding(slot: slot.member(key.stringValue), codingPath: codingPath + [key])
        }

        mutating func encodeNil(forKey key: Key) { slot.member(key.stringValue).set(.null) }

        mutating func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
            try slot.member(key.stringValue).encode(value, codingPath + [key])
        }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Nested> {
            member(key).container(keyedBy: type)
        }

        mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            member(key).unkeyedContainer()
        }

        mutating func superEncoder() -> any Encoder { member(StateCodingKey.superclass) }

        mutating func superEncoder(forKey key: Key) -> any Encoder { member(key) }
    }

    fileprivate struct Unkeyed: UnkeyedEncodingContainer {
        let slot: EncodingSlot
        let codingPath: [any CodingKey]
        var count: Int { slot.count }

        private func element() -> StateEncoding {
            let path = codingPath + [StateCodingKey(intValue: count)]
            return StateEncoding(slot: slot.append(), codingPath: path)
        }

        mutating func encodeNil() { slot.append().set(.null) }

        mutating func encode<Value: Encodable>(_ value: Value) throws {
            let path = codingPath + [StateCodingKey(intValue: count)]
            try slot.append().encode(value, path)
        }

        mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
            element().container(keyedBy: type)
        }

        mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { element().unkeyedContainer() }

        mutating func superEncoder() -> any Encoder { element() }
    }

    fileprivate struct Single: SingleValueEncodingContainer {
        let slot: EncodingSlot
        let codingPath: [any CodingKey]

        mutating func encodeNil() { slot.set(.null) }
        mutating func encode(_ value: Bool) { slot.set(.bool(value)) }
        mutating func encode(_ value: String) { slot.set(.string(value)) }
        mutating func encode(_ value: Double) throws { try slot.encode(value, codingPath) }
        mutating func encode(_ value: Float) throws { try slot.encode(Double(value), codingPath) }
        mutating func encode(_ value: Int) throws { try slot.encode(value, codingPath) }
        mutating func encode(_ value: Int8) throws { try slot.encode(value, codingPath) }
        mutating func encode(_ value: Int16) throws { try slot.encode(value, codingPath) }
        mutating func encode(_ value: Int32) throws { try slot.encode(value, codingPath) }
        mutating func encode(_ value: Int64) throws { try slot.encode(value, codingPath) }
        mutating func encode(_ value: Int128) throws { try slot.encode(value, codingPath) }
        mutating func encode(_ value: UInt) throws { try slot.encode(value, codingPath) }
        mutating func encode(_ value: UInt8) throws { try slot.encode(value, codingPath) }
        mutating func encode(_ value: UInt16) throws { try slot.encode(value, codingPath) }
        mutating func encode(_ value: UInt32) throws { try slot.encode(value, codingPath) }
        mutating func encode(_ value: UInt64) throws { try slot.encode(value, codingPath) }
        mutating func encode(_ value: UInt128) throws { try slot.encode(value, codingPath) }
        mutating func encode<Value: Encodable>(_ value: Value) throws { try slot.encode(value, codingPath) }
    }
}
