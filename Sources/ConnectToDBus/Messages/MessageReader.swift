import CConnectToDBus
import ConnectToLinux
import Glibc

/// Takes the values out of a received message, which libdbus has found valid already.
struct MessageReader {
    /// A value takes many times the room here that it takes on the wire, so their number has a limit of its own;
    /// bytes in an array count as one.
    static let maximumValues = 1 << 20

    private var remaining = maximumValues

    /// - Throws: ``DBusError/Kind/exhausted`` for a body of too many values, or where the process has no
    ///   descriptors left for those that came along; `malformed` where it names one that did not. Those taken out
    ///   already are closed.
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
        if remaining < 0 { throw .exhausted("a message of more than \(Self.maximumValues) values") }
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
            // A duplicate, and ours; the message keeps its own. Where the number on the wire is of none, nothing was
            // tried and nothing has failed.
            errno = 0
            let descriptor = fixed(&iterator, Int32(-1))
            if descriptor >= 0 { return .unixFD(Descriptor(adopting: descriptor, from: .peer)) }
            throw errno == 0
                ? .malformed("a message names a descriptor that did not come with it")
                : .exhausted("no descriptors left for those in a message")
        case TypeCode.variant:
            var inner = recurse(&iterator)
            return .variant(try value(&inner))
        case TypeCode.structure:
            var inner = recurse(&iterator)
            return .structure(try values(&inner))
        case TypeCode.array: return try array(&iterator)
        default: throw .malformed("a message with a value of an unknown type")
        }
    }

    private mutating func array(_ iterator: inout DBusMessageIter) throws(DBusError) -> DBusValue {
        var inner = recurse(&iterator)
        switch UInt8(truncatingIfNeeded: dbus_message_iter_get_element_type(&iterator)) {
        case TypeCode.byte: return .bytes(bytes(&inner))
        case TypeCode.dictionaryEntry:
            // a{kv…}: keys are one letter, the closing brace is the last.
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
        // The memory is the message's.
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
