/// Walks a body before it is sent and refuses what libdbus would abort on, or what the bus would cut the
/// connection for. It writes nothing; it counts bytes as they would lie on the wire.
struct BodyCheck {
    /// A message may have 128 MiB by the specification and an array 64 MiB; nothing here needs more than that.
    static let maximumBodySize = 64 * 1024 * 1024
    /// What buses allow unless configured; one more cuts the connection.
    static let maximumDescriptors = 16
    /// Containers in containers, variants included.
    static let maximumNesting = 64

    private(set) var size = 0
    private(set) var descriptors = 0
    /// The signature as far as the walk has come, the part that is being compared included.
    private(set) var signature: [UInt8] = []

    /// - Throws: ``DBusError/Kind/invalid``.
    init(of body: [DBusValue]) throws(DBusError) {
        if body.isEmpty { return }
        for value in body { try walk(value, depth: 0) }
        try requireValidSignature(from: 0)
    }

    private mutating func walk(_ value: DBusValue, depth: Int) throws(DBusError) {
        if depth > Self.maximumNesting {
            throw .invalid("containers nest deeper than \(Self.maximumNesting)")
        }
        switch value {
        case .byte: try take(1, aligned: 1)
        case .int16, .uint16: try take(2, aligned: 2)
        case .boolean, .int32, .uint32: try take(4, aligned: 4)
        case .int64, .uint64, .double: try take(8, aligned: 8)
        case .string(let text): try walkText(text)
        case .objectPath(let path):
            if !Names.isObjectPath(path) { throw .invalid("\(quoted(path)) is not an object path") }
            try walkText(path)
        case .signature(let text):
            if !Signature.isValid(text) { throw .invalid("\(quoted(text)) is not a signature") }
            try take(text.utf8.count + 2, aligned: 1)
        case .unixFD:
            descriptors += 1
            if descriptors > Self.maximumDescriptors {
                throw .invalid("more than \(Self.maximumDescriptors) descriptors in one message")
            }
            try take(4, aligned: 4)
        case .array(let element, let elements):
            return try walkArray(of: element, elements, depth: depth)
        case .dictionary(let key, let value, let pairs):
            return try walkDictionary(key: key, value: value, pairs, depth: depth)
        case .structure(let fields):
            if fields.isEmpty { throw .invalid("a structure without fields") }
            try take(0, aligned: 8)
            signature.append(UInt8(ascii: "("))
            for field in fields { try walk(field, depth: depth + 1) }
            signature.append(UInt8(ascii: ")"))
            return
        case .variant(let content): try walkVariant(content, depth: depth)
        case .bytes(let bytes):
            try take(4 + bytes.count, aligned: 4)
            signature.append(TypeCode.array)
            signature.append(TypeCode.byte)
            return
        }
        signature.append(value.typeCode)
    }

    private mutating func walkText(_ text: String) throws(DBusError) {
        try take(4 + text.utf8.count + 1, aligned: 4)
        if text.utf8.contains(0) { throw .invalid("a string holds a NUL") }
    }

    private mutating func walkArray(
        of element: String, _ elements: [DBusValue], depth: Int
    ) throws(DBusError) {
        guard Signature.isSingle(element), let first = element.utf8.first else {
            throw .invalid("\(quoted(element)) is not the type of an array's elements")
        }
        try take(4, aligned: 4)
        try take(0, aligned: TypeCode.alignment(first))
        for value in elements {
            try walk(value, expecting: element, depth: depth + 1)
        }
        signature.append(TypeCode.array)
        signature.append(contentsOf: element.utf8)
    }

    private mutating func walkDictionary(
        key: String, value: String, _ pairs: [DBusValue.Pair], depth: Int
    ) throws(DBusError) {
        guard key.utf8.count == 1, let letter = key.utf8.first, TypeCode.isBasic(letter) else {
            throw .invalid("\(quoted(key)) is not the type of a dictionary's keys")
        }
        guard Signature.isSingle(value) else {
            throw .invalid("\(quoted(value)) is not the type of a dictionary's values")
        }
        try take(4, aligned: 4)
        try take(0, aligned: 8)
        for pair in pairs {
            try take(0, aligned: 8)
            try walk(pair.key, expecting: key, depth: depth + 2)
            try walk(pair.value, expecting: value, depth: depth + 2)
        }
        signature.append(contentsOf: "a{".utf8)
        signature.append(contentsOf: key.utf8)
        signature.append(contentsOf: value.utf8)
        signature.append(UInt8(ascii: "}"))
    }

    private mutating func walkVariant(_ content: DBusValue, depth: Int) throws(DBusError) {
        // The content's signature stands before the content, but its length is known only afterwards; what
        // that may do to the content's alignment is counted in full.
        try take(2, aligned: 1)
        let start = signature.count
        try walk(content, depth: depth + 1)
        try requireValidSignature(from: start)
        try take(signature.count - start + 8, aligned: 1)
        signature.removeSubrange(start...)
    }

    /// Walks a value that must be of the given type, and leaves the signature as it was.
    private mutating func walk(
        _ value: DBusValue, expecting type: String, depth: Int
    ) throws(DBusError) {
        let start = signature.count
        try walk(value, depth: depth)
        if !signature[start...].elementsEqual(type.utf8) {
            throw .invalid("a value of type \(value.signature) where \(type) was announced")
        }
        signature.removeSubrange(start...)
    }

    private func requireValidSignature(from start: Int) throws(DBusError) {
        if !Signature.isValid(signature[start...]) {
            throw .invalid(
                "a type of \(signature.count - start) bytes: longer than \(Signature.maximumLength), "
                    + "or nested deeper than \(Signature.maximumNesting)")
        }
    }

    private mutating func take(_ count: Int, aligned alignment: Int) throws(DBusError) {
        size += (alignment - size % alignment) % alignment + count
        if size > Self.maximumBodySize {
            throw .invalid("a message of more than \(Self.maximumBodySize) bytes")
        }
    }

    /// Names and types in messages, short and on one line whatever they are.
    private func quoted(_ text: String) -> String { text.prefix(64).debugDescription }
}
