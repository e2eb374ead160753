import FoundationEssentials

/// Decodes what stands in a value.
struct StateDecoding: Decoder {
    let value: StateValue
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = value else { throw mismatch([String: StateValue].self, "an object") }
        return KeyedDecodingContainer(Keyed(members: members, codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch([StateValue].self, "an array") }
        return Unkeyed(elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { Single(decoding: self) }

    func mismatch(_ type: any Any.Type, _ wanted: String) -> DecodingError {
        .typeMismatch(
            type,
            DecodingError.Context(
                codingPath: codingPath, debugDescription: "\(wanted) was expected, and it is \(value.kind)"))
    }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let decoded: Any?
        switch type {
        case is StateValue.Type: decoded = value
        case is Data.Type: decoded = Data(base64Encoded: try decode(String.self))
        case is URL.Type: decoded = URL(string: try decode(String.self))
        default: return try Value(from: self)
        }
        guard let decoded = decoded as? Value else {
            throw mismatch(type, type is Data.Type ? "a string of Base64" : "the string of a URL")
        }
        return decoded
    }

    func integer<Value: FixedWidthInteger>() throws -> Value {
        let exact: Value? =
            switch value {
            case .integer(let integer): Value(exactly: integer)
            case .number(let number): Value(exactly: number)
            default: throw mismatch(Value.self, "a number")
            }
        guard let exact else { throw mismatch(Value.self, "an integer that a \(Value.self) can hold") }
        return exact
    }

    func number() throws -> Double {
        switch value {
        case .integer(let integer): return Double(integer)
        case .number(let number): return number
        default: throw mismatch(Double.self, "a number")
        }
    }
}

extension StateValue {
    /// What kind of value it is, in words.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .integer, .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension StateDecoding {
    fileprivate struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let members: [String: StateValue]
        let codingPath: [any CodingKey]

        var allKeys: [Key] { members.keys.compactMap(Key.init(stringValue:)) }

        func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }

        private func member(_ key: any CodingKey) throws -> StateDecoding {
            guard let value = members[key.stringValue] else {
                throw DecodingError.keyNotFound(
                    key,
                    DecodingError.Context(
                        codingPath: codingPath, debugDescription: "the key \(key.stringValue) is missing"))
            }
            return StateDecoding(value: value, codingPath: codingPath + [key])
        }

        func decodeNil(forKey key: Key) throws -> Bool { try member(key).value == .null }

        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            try member(key).decode(type)
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> {
            try member(key).container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try member(key).unkeyedContainer()
        }

        func superDecoder() throws -> any Decoder { try member(StateCodingKey.superclass) }

        func superDecoder(forKey key: Key) throws -> any Decoder { try member(key) }
    }

    fileprivate struct Unkeyed: UnkeyedDecodingContainer {
        let elements: [StateValue]
        let codingPath: [any CodingKey]
        private(set) var currentIndex = 0

        init(elements: [StateValue], codingPath: [any CodingKey]) {
            self.elements = elements
            self.codingPath = codingPath
        }

        var count: Int? { elements.count }
        var isAtEnd: Bool { currentIndex == elements.count }

        private func element() throws -> StateDecoding {
            let path = codingPath + [StateCodingKey(intValue: currentIndex)]
            guard !isAtEnd else {
                throw DecodingError.valueNotFound(
                    StateValue.self,
                    DecodingError.Context(
                        codingPath: path,
                        debugDescription: "the array has \(elements.count) elements, and more are read"))
            }
            return StateDecoding(value: elements[currentIndex], codingPath: path)
        }

        mutating func decodeNil() throws -> Bool {
            guard try element().value == .null else { return false }
            currentIndex += 1
            return true
        }

        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            let value = try element().decode(type)
            currentIndex += 1
            return value
        }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) throws -> KeyedDecodingContainer<Nested> {
            let container = try element().container(keyedBy: type)
            currentIndex += 1
            return container
        }

        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            let container = try element().unkeyedContainer()
            currentIndex += 1
            return container
        }

        mutating func superDecoder() throws -> any Decoder {
            defer { currentIndex += 1 }
            return try element()
        }
    }

    fileprivate struct Single: SingleValueDecodingContainer {
        let decoding: StateDecoding
        var codingPath: [any CodingKey] { decoding.codingPath }

        func decodeNil() -> Bool { decoding.value == .null }

        func decode(_ type: Bool.Type) throws -> Bool {
            guard case .bool(let value) = decoding.value else { throw decoding.mismatch(type, "true or false") }
            return value
        }

        func decode(_ type: String.Type) throws -> String {
            guard case .string(let value) = decoding.value else { throw decoding.mismatch(type, "a string") }
            return value
        }

        func decode(_ type: Double.Type) throws -> Double { try decoding.number() }
        func decode(_ type: Float.Type) throws -> Float { Float(try decoding.number()) }
        func decode(_ type: Int.Type) throws -> Int { try decoding.integer() }
        func decode(_ type: Int8.Type) throws -> Int8 { try decoding.integer() }
        func decode(_ type: Int16.Type) throws -> Int16 { try decoding.integer() }
        func decode(_ type: Int32.Type) throws -> Int32 { try decoding.integer() }
        func decode(_ type: Int64.Type) throws -> Int64 { try decoding.integer() }
        func decode(_ type: Int128.Type) throws -> Int128 { try decoding.integer() }
        func decode(_ type: UInt.Type) throws -> UInt { try decoding.integer() }
        func decode(_ type: UInt8.Type) throws -> UInt8 { try decoding.integer() }
        func decode(_ type: UInt16.Type) throws -> UInt16 { try decoding.integer() }
        func decode(_ type: UInt32.Type) throws -> UInt32 { try decoding.integer() }
        func decode(_ type: UInt64.Type) throws -> UInt64 { try decoding.integer() }
        func decode(_ type: UInt128.Type) throws -> UInt128 { try decoding.integer() }
        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try decoding.decode(type) }
    }
}
