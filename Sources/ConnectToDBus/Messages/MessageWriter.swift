import CConnectToDBus
import ConnectToLinux

/// Appends values to a libdbus message.
///
/// Only for bodies that ``BodyCheck`` has accepted. Then only a lack of memory or of descriptors can make this fail:
/// libdbus duplicates each descriptor that it is given, and the sender keeps its own.
enum MessageWriter {
    /// - Throws: ``DBusError/Kind/exhausted``. The message is incomplete then and must be discarded.
    static func append(_ body: [DBusValue], to message: OpaquePointer) throws(DBusError) {
        if body.isEmpty { return }
        var iterator = DBusMessageIter()
        dbus_message_iter_init_append(message, &iterator)
        for value in body where !append(value, &iterator) {
            throw .exhausted("not enough memory or file descriptors for a D-Bus message")
        }
    }

    private static func append(_ value: DBusValue, _ iterator: inout DBusMessageIter) -> Bool {
        let type = Int32(value.typeCode)
        switch value {
        case .byte(let number): return appendFixed(number, type, &iterator)
        case .boolean(let truth): return appendFixed(dbus_bool_t(truth ? 1 : 0), type, &iterator)
        case .int16(let number): return appendFixed(number, type, &iterator)
        case .uint16(let number): return appendFixed(number, type, &iterator)
        case .int32(let number): return appendFixed(number, type, &iterator)
        case .uint32(let number): return appendFixed(number, type, &iterator)
        case .int64(let number): return appendFixed(number, type, &iterator)
        case .uint64(let number): return appendFixed(number, type, &iterator)
        case .double(let number): return appendFixed(number, type, &iterator)
        case .unixFD(let descriptor): return appendFixed(descriptor.rawValue, type, &iterator)
        case .string(let text), .objectPath(let text), .signature(let text):
            return text.withCString { appendFixed($0, type, &iterator) }
        case .bytes(let bytes): return appendBytes(bytes, &iterator)
        case .array(let element, let elements):
            return inContainer(type, element, &iterator) { inner in
                elements.allSatisfy { append($0, &inner) }
            }
        case .dictionary(let key, let value, let pairs):
            return inContainer(type, "{" + key + value + "}", &iterator) { inner in
                pairs.allSatisfy { pair in
                    inContainer(Int32(TypeCode.dictionaryEntry), nil, &inner) { entry in
                        append(pair.key, &entry) && append(pair.value, &entry)
                    }
                }
            }
        case .structure(let fields):
            return inContainer(type, nil, &iterator) { inner in
                fields.allSatisfy { append($0, &inner) }
            }
        case .variant(let content):
            return inContainer(type, content.signature, &iterator) { append(content, &$0) }
        }
    }

    /// Appends a number, or a text by a pointer to it.
    private static func appendFixed<Value: BitwiseCopyable>(
        _ value: Value, _ type: Int32, _ iterator: inout DBusMessageIter
    ) -> Bool {
        withUnsafePointer(to: value) { dbus_message_iter_append_basic(&iterator, type, $0) != 0 }
    }

    private static func appendBytes(_ bytes: [UInt8], _ iterator: inout DBusMessageIter) -> Bool {
        inContainer(Int32(TypeCode.array), "y", &iterator) { inner in
            if bytes.isEmpty { return true }
            return bytes.withUnsafeBufferPointer { buffer in
                var start = buffer.baseAddress
                return dbus_message_iter_append_fixed_array(
                    &inner, Int32(TypeCode.byte), &start, Int32(buffer.count)) != 0
            }
        }
    }

    /// Opens a container and fills it. Closes it, or abandons it if filling it failed: libdbus requires one of the two.
    private static func inContainer(
        _ type: Int32, _ signature: String?, _ iterator: inout DBusMessageIter,
        _ fill: (inout DBusMessageIter) -> Bool
    ) -> Bool {
        var inner = DBusMessageIter()
        if dbus_message_iter_open_container(&iterator, type, signature, &inner) == 0 { return false }
        if fill(&inner) { return dbus_message_iter_close_container(&iterator, &inner) != 0 }
        dbus_message_iter_abandon_container(&iterator, &inner)
        return false
    }
}
