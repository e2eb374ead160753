package import ConnectToLinux

/// A value of a D-Bus type. The body of a message is a list of such values.
///
/// Values that D-Bus forbids can be built (a NUL in a string, an array of several types, an invalid path, a value over
/// a limit). Sending one fails with ``DBusError/Kind/invalid``, before libdbus sees it.
///
/// Equality compares descriptors by identity, and strings as Swift does: composed and decomposed forms are equal.
package enum DBusValue: Sendable, Equatable {
    case byte(UInt8)
    case boolean(Bool)
    case int16(Int16)
    case uint16(UInt16)
    case int32(Int32)
    case uint32(UInt32)
    case int64(Int64)
    case uint64(UInt64)
    case double(Double)
    case string(String)
    case objectPath(String)
    case signature(String)
    /// Sending duplicates the descriptor, and the sender keeps its own. A received descriptor belongs to the value, and
    /// is closed off the loop because it may refer to any file.
    case unixFD(Descriptor)
    /// Elements of one type. The type is given as a single complete signature, because the array may be empty.
    /// A received array of bytes is ``bytes(_:)``, and one of dictionary entries ``dictionary(key:value:_:)``.
    case array(of: String, [DBusValue])
    case dictionary(key: String, value: String, [Pair])
    case structure([DBusValue])
    indirect case variant(DBusValue)
    /// `ay`, copied as a block in both directions.
    case bytes([UInt8])

    /// One entry of a dictionary. Entries keep their order. D-Bus does not forbid that a key occurs twice.
    package struct Pair: Sendable, Equatable {
        package var key: DBusValue
        package var value: DBusValue

        package init(_ key: DBusValue, _ value: DBusValue) {
            self.key = key
            self.value = value
        }
    }

    /// The D-Bus signature of the value's type: `s`, `a{sv}`, `(ih)`.
    package var signature: String {
        switch self {
        case .array(let element, _): "a" + element
        case .dictionary(let key, let value, _): "a{" + key + value + "}"
        case .structure(let fields): "(" + fields.map(\.signature).joined() + ")"
        case .bytes: "ay"
        default: String(UnicodeScalar(typeCode))
        }
    }

    /// The first character of the signature, except for structures, which libdbus calls `r`.
    var typeCode: UInt8 {
        switch self {
        case .byte: TypeCode.byte
        case .boolean: TypeCode.boolean
        case .int16: TypeCode.int16
        case .uint16: TypeCode.uint16
        case .int32: TypeCode.int32
        case .uint32: TypeCode.uint32
        case .int64: TypeCode.int64
        case .uint64: TypeCode.uint64
        case .double: TypeCode.double
        case .string: TypeCode.string
        case .objectPath: TypeCode.objectPath
        case .signature: TypeCode.signature
        case .unixFD: TypeCode.unixFD
        case .variant: TypeCode.variant
        case .structure: TypeCode.structure
        case .array, .dictionary, .bytes: TypeCode.array
        }
    }
}
