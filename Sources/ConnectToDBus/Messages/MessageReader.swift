import CConnectToDBus
import ConnectToLinux
import Glibc

/// Reads the values of a received message, which libdbus has validated.
struct MessageReader {
    /// The most values in one body. They have a limit of their own because a ``DBusValue`` takes many times the memory
    /// that the value takes on the wire. An array of bytes counts as one value.
    static let maximumValues = 1 << 20

    private var remaining = maximumValues

    /// - Throws: ``DBusError/Kind/exhausted`` for a body of too many values, or where the process has no descriptors
    ///   left for those in the message; `malformed` where the body refers to a descriptor that did not come with it.
    ///   Descriptors that were read before the error are closed.
    static func body(of message: OpaquePointer) throws(DBusError) -> [DBusValue] {
        var iterator = DBusMessageIter()
        if dbus_message_iter_init(message, &iterator) == 0 { return [] }
        var reader = MessageReader()
        return try reader.values(&iterator)
    }

    static func text(_ pointer: UnsafePointer<CChar>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    /// All values from the iterator on to the end of its container.
    private mutating func values(_ iterator: inout DBusMessageIter) throws(DBusError) -> [DBusValue] {
        var values: [DBusValue] = []
        while dbus_message_iter_get_arg_type(&iterator) != Int32(TypeCode.invalid) {
            values.append(try value(&iterator))
            dbus_message_iter_next(&iterator)
        }
        return values
    }

    private mutating func value(_ iterator: inout DBusMessageIter) throws(DBusError) -> DBusValue {
        remaining -= 1
        if remaining < 0 { throw .exhausted("a received D-Bus message has more than \(Self.maximumValues) values") }
        // libdbus's types are ASCII letters.
        switch UInt8(truncatingIfNeeded: dbus_message_iter_get_arg_type(&iterator)) {
        case TypeCode.byte: return .byte(fixed(&iterator, 0))
        case TypeCode.boolean: return .boolean(fixed(&iterator, dbus_bool_t(0)) != 0)
        case TypeCode.int16: return .int16(fixed(&iterator, 0))
        case TypeCode.uint16: return .uint16(fixed(&iterator, 0))
        case TypeCode.int32: return .int32(fixed(&iterator, 0))
        case TypeCode.uint32: return .uint32(fixed(&iterator, 0))
        case TypeCode.int64: return .int64(fixed(&iterator, 0))
        case TypeCode.uint64: return .uint64(fixed(&iterator, 0))
        case TypeCode.double: return .double(fixed(&iterator, 0))
        case TypeCode.string: return .string(text(&iterator))
        case TypeCode.objectPath: return .objectPath(text(&iterator))
        case TypeCode.signature: return .signature(text(&iterator))
        case TypeCode.unixFD:
            // libdbus duplicates the descriptor for us. For an index without a descriptor it returns -1 without a
            // system call, so errno stays 0.
            errno = 0
            let descriptor = fixed(&iterator, Int32(-1))
            if descriptor >= 0 { return .unixFD(Descriptor(adopting: descriptor, from: .peer)) }
            throw errno == 0
                ? .malformed("a received D-Bus message refers to a file descriptor that did not come with it")
                : .exhausted("this process has no file descriptors left for those in a D-Bus message")
        case TypeCode.variant:
            var inner = recurse(&iterator)
            return .variant(try value(&inner))
        case TypeCode.structure:
            var inner = recurse(&iterator)
            return .structure(try values(&inner))
        case TypeCode.array: return try array(&iterator)
        default: throw .malformed("a received D-Bus message contains a value of an unknown type")
        }
    }

    private mutating func array(_ iterator: inout DBusMessageIter) throws(DBusError) -> DBusValue {
        var inner = recurse(&iterator)
        switch UInt8(truncatingIfNeeded: dbus_message_iter_get_element_type(&iterator)) {
        case TypeCode.byte: return .bytes(bytes(&inner))
        case TypeCode.dictionaryEntry:
            // The signature is a{kv…}: the key is one letter, and the last letter is the closing brace.
            let type = signature(&iterator).dropFirst(2)
            return .dictionary(
                key: String(type.prefix(1)), value: String(type.dropFirst().dropLast()),
                try pairs(&inner))
        default:
            return .array(of: String(signature(&iterator).dropFirst()), try values(&inner))
        }
    }

    private mutating func pairs(_ iterator: inout DBusMessageIter) throws(DBusError) -> [DBusValue.Pair] {
        var pairs: [DBusValue.Pair] = []
        while dbus_message_iter_get_arg_type(&iterator) != Int32(TypeCode.invalid) {
            var entry = recurse(&iterator)
            let key = try value(&entry)
            dbus_message_iter_next(&entry)
            pairs.append(DBusValue.Pair(key, try value(&entry)))
            dbus_message_iter_next(&iterator)
        }
        return pairs
    }

    private func bytes(_ iterator: inout DBusMessageIter) -> [UInt8] {
        if dbus_message_iter_get_arg_type(&iterator) == Int32(TypeCode.invalid) { return [] }
        var start: UnsafePointer<UInt8>?
        var count: Int32 = 0
        dbus_message_iter_get_fixed_array(&iterator, &start, &count)
        // Copy, because the memory belongs to the message.
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }

    private func recurse(_ iterator: inout DBusMessageIter) -> DBusMessageIter {
        var inner = DBusMessageIter()
        dbus_message_iter_recurse(&iterator, &inner)
        return inner
    }

    private func fixed<Value: BitwiseCopyable>(_ iterator: inout DBusMessageIter, _ zero: Value) -> Value {
        var value = zero
        dbus_message_iter_get_basic(&iterator, &value)
        return value
    }

    private func text(_ iterator: inout DBusMessageIter) -> String {
        Self.text(fixed(&iterator, UnsafePointer<CChar>?.none)) ?? ""
    }

    private func signature(_ iterator: inout DBusMessageIter) -> String {
        guard let text = dbus_message_iter_get_signature(&iterator) else { return "" }
        defer { dbus_free(text) }
        return String(cString: text)
    }
}
