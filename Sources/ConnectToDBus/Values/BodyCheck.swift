/// Checks a body before it is sent. Refuses values on which libdbus would abort the process, or for which the bus would
/// close the connection. Counts the bytes of the body on the wire, and writes none.
struct BodyCheck {
    /// The specification allows 128 MiB for a message and 64 MiB for an array. ConnectTo needs no more than the latter.
    static let maximumBodySize = 64 * 1024 * 1024
    /// The default limit of buses. A bus closes the connection for one more.
    static let maximumDescriptors = 16
    /// How many containers, variants included, may lie inside of each other.
    static let maximumNesting = 64

    private(set) var size = 0
    private(set) var descriptors = 0
    /// The signature of the values walked so far, including the value whose type is being compared.
    private(set) var signature: [UInt8] = []

    /// - Throws: ``DBusError/Kind/invalid``.
    init(of body: [DBusValue]) throws(DBusError) {
        if body.isEmpty { return }
        for value in body { try walk(value, depth: 0) }
        try requireValidSignature(from: 0)
    }

    private mutating func walk(_ value: DBusValue, depth: Int) throws(DBusError) {
        if depth > Self.maximumNesting {
            throw .invalid("a D-Bus message cannot nest containers deeper than \(Self.maximumNesting)")
        }
        switch value {
        case .byte: try addSize(1, aligned: 1)
        case .int16, .uint16: try addSize(2, aligned: 2)
        case .boolean, .int32, .uint32: try addSize(4, aligned: 4)
        case .int64, .uint64, .double: try addSize(8, aligned: 8)
        case .string(let text): try walkText(text)
        case .objectPath(let path):
            if !Names.isObjectPath(path) { throw .invalid("\(quoted(path)) is not a D-Bus object path") }
            try walkText(path)
        case .signature(let text):
            if !Signature.isValid(text) { throw .invalid("\(quoted(text)) is not a D-Bus signature") }
            try addSize(text.utf8.count + 2, aligned: 1)
        case .unixFD:
            descriptors += 1
            if descriptors > Self.maximumDescriptors {
                throw .invalid("a D-Bus message cannot carry more than \(Self.maximumDescriptors) file descriptors")
            }
            try addSize(4, aligned: 4)
        case .array(let element, let elements):
            return try walkArray(of: element, elements, depth: depth)
        case .dictionary(let key, let value, let pairs):
            return try walkDictionary(key: key, value: value, pairs, depth: depth)
        case .structure(let fields):
            if fields.isEmpty { throw .invalid("a D-Bus structure needs at least one field") }
            try addSize(0, aligned: 8)
            signature.append(UInt8(ascii: "("))
            for field in fields { try walk(field, depth: depth + 1) }
            signature.append(UInt8(ascii: ")"))
            return
        case .variant(let content): try walkVariant(content, depth: depth)
        case .bytes(let bytes):
            try addSize(4 + bytes.count, aligned: 4)
            signature.append(TypeCode.array)
            signature.append(TypeCode.byte)
            return
        }
        signature.append(value.typeCode)
    }

    private mutating func walkText(_ text: String) throws(DBusError) {
        try addSize(4 + text.utf8.count + 1, aligned: 4)
        if text.utf8.contains(0) { throw .invalid("a D-Bus string cannot contain a NUL") }
    }

    private mutating func walkArray(
        of element: String, _ elements: [DBusValue], depth: Int
    ) throws(DBusError) {
        guard Signature.isSingle(element), let first = element.utf8.first else {
            throw .invalid("\(quoted(element)) is not a D-Bus type for the elements of an array")
        }
        try addSize(4, aligned: 4)
        try addSize(0, aligned: TypeCode.alignment(first))
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
            throw .invalid("\(quoted(key)) is not a D-Bus type for the keys of a dictionary")
        }
        guard Signature.isSingle(value) else {
            throw .invalid("\(quoted(value)) is not a D-Bus type for the values of a dictionary")
        }
        try addSize(4, aligned: 4)
        try addSize(0, aligned: 8)
        for pair in pairs {
            try addSize(0, aligned: 8)
            try walk(pair.key, expecting: key, depth: depth + 2)
            try walk(pair.value, expecting: value, depth: depth + 2)
        }
        signature.append(contentsOf: "a{".utf8)
        signature.append(contentsOf: key.utf8)
        signature.append(contentsOf: value.utf8)
        signature.append(UInt8(ascii: "}"))
    }

    private mutating func walkVariant(_ content: DBusValue, depth: Int) throws(DBusError) {
        // The content's signature precedes the content on the wire, but its length is known only afterwards. Count the
        // most padding that it can cause.
        try addSize(2, aligned: 1)
        let start = signature.count
        try walk(content, depth: depth + 1)
        try requireValidSignature(from: start)
        try addSize(signature.count - start + 8, aligned: 1)
        signature.removeSubrange(start...)
    }

    /// Walks a value that must have the given type, and leaves ``signature`` unchanged.
    private mutating func walk(
        _ value: DBusValue, expecting type: String, depth: Int
    ) throws(DBusError) {
        let start = signature.count
        try walk(value, depth: depth)
        if !signature[start...].elementsEqual(type.utf8) {
            throw .invalid("a D-Bus container for values of type \(type) cannot contain one of type \(value.signature)")
        }
        signature.removeSubrange(start...)
    }

    private func requireValidSignature(from start: Int) throws(DBusError) {
        if !Signature.isValid(signature[start...]) {
            throw .invalid(
                "a D-Bus signature of \(signature.count - start) bytes is longer than \(Signature.maximumLength), "
                    + "or nests containers deeper than \(Signature.maximumNesting)")
        }
    }

    private mutating func addSize(_ count: Int, aligned alignment: Int) throws(DBusError) {
        size += (alignment - size % alignment) % alignment + count
        if size > Self.maximumBodySize {
            throw .invalid("the body of a D-Bus message cannot have more than \(Self.maximumBodySize) bytes")
        }
    }

    /// A text as error messages show it: at most 64 characters, on one line.
    private func quoted(_ text: String) -> String { text.prefix(64).debugDescription }
}
