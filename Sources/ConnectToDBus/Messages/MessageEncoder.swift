import ConnectToLinux

/// Encodes a message in the wire format of the D-Bus specification ("Message Protocol"), always little-endian.
///
/// libdbus takes twenty times as long for a short message, because it rewrites the header for each value that is
/// appended to the body.
struct MessageEncoder {
    private(set) var bytes: [UInt8] = []
    /// The descriptors to send with the bytes, in the order of their indices in the message.
    private(set) var descriptors: [Descriptor] = []

    init(_ message: CheckedMessage, serial: UInt32) {
        bytes.reserveCapacity(message.form.size + 512)
        bytes.append(UInt8(ascii: "l"))
        bytes.append(message.kind.rawValue)
        bytes.append(message.flags.rawValue)
        bytes.append(Self.protocolVersion)
        append(UInt32(0))
        append(serial)
        appendFields(of: message)
        pad(to: 8)
        let start = bytes.count
        for value in message.body { append(value) }
        set(UInt32(bytes.count - start), at: 4)
    }

    private static let protocolVersion: UInt8 = 1

    // MARK: The header

    private enum Field {
        static let path: UInt8 = 1
        static let interface: UInt8 = 2
        static let member: UInt8 = 3
        static let errorName: UInt8 = 4
        static let replySerial: UInt8 = 5
        static let destination: UInt8 = 6
        static let signature: UInt8 = 8
        static let descriptors: UInt8 = 9
    }

    private mutating func appendFields(of message: CheckedMessage) {
        let lengthPosition = bytes.count
        append(UInt32(0))
        let start = bytes.count
        append(Field.path, TypeCode.objectPath, message.path)
        append(Field.interface, TypeCode.string, message.interface)
        append(Field.member, TypeCode.string, message.member)
        append(Field.errorName, TypeCode.string, message.errorName)
        append(Field.replySerial, message.replySerial)
        append(Field.destination, TypeCode.string, message.destination)
        if !message.body.isEmpty {
            begin(Field.signature, TypeCode.signature)
            appendSignature(message.form.signature)
        }
        append(Field.descriptors, message.form.descriptors > 0 ? UInt32(message.form.descriptors) : nil)
        set(UInt32(bytes.count - start), at: lengthPosition)
    }

    private mutating func begin(_ field: UInt8, _ type: UInt8) {
        pad(to: 8)
        bytes.append(field)
        bytes.append(1)
        bytes.append(type)
        bytes.append(0)
    }

    private mutating func append(_ field: UInt8, _ type: UInt8, _ text: String?) {
        guard let text else { return }
        begin(field, type)
        append(text)
    }

    private mutating func append(_ field: UInt8, _ number: UInt32?) {
        guard let number else { return }
        begin(field, TypeCode.uint32)
        append(number)
    }

    // MARK: Values

    private mutating func append(_ value: DBusValue) {
        switch value {
        case .byte(let number): append(number)
        case .boolean(let truth): append(UInt32(truth ? 1 : 0))
        case .int16(let number): append(number)
        case .uint16(let number): append(number)
        case .int32(let number): append(number)
        case .uint32(let number): append(number)
        case .int64(let number): append(number)
        case .uint64(let number): append(number)
        case .double(let number): append(number.bitPattern)
        case .string(let text), .objectPath(let text): append(text)
        case .signature(let text): appendSignature(text.utf8)
        case .unixFD(let descriptor):
            append(UInt32(descriptors.count))
            descriptors.append(descriptor)
        case .bytes(let content):
            appendArray(alignedTo: 1) { $0.bytes.append(contentsOf: content) }
        case .array(let element, let elements):
            appendArray(alignedTo: TypeCode.alignment(element.utf8.first ?? 0)) { encoder in
                for element in elements { encoder.append(element) }
            }
        case .dictionary(_, _, let pairs):
            appendArray(alignedTo: 8) { encoder in
                for pair in pairs {
                    encoder.pad(to: 8)
                    encoder.append(pair.key)
                    encoder.append(pair.value)
                }
            }
        case .structure(let fields):
            pad(to: 8)
            for field in fields { append(field) }
        case .variant(let content):
            appendSignature(content.signature.utf8)
            append(content)
        }
    }

    private mutating func appendArray(alignedTo alignment: Int, _ fill: (inout MessageEncoder) -> Void) {
        append(UInt32(0))
        let lengthPosition = bytes.count - 4
        pad(to: alignment)
        let start = bytes.count
        fill(&self)
        set(UInt32(bytes.count - start), at: lengthPosition)
    }

    private mutating func append(_ text: String) {
        append(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
        bytes.append(0)
    }

    private mutating func appendSignature(_ signature: some Collection<UInt8>) {
        bytes.append(UInt8(signature.count))
        bytes.append(contentsOf: signature)
        bytes.append(0)
    }

    private mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        pad(to: MemoryLayout<Number>.size)
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private mutating func set(_ number: UInt32, at position: Int) {
        for index in 0..<4 { bytes[position + index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
    }

    private mutating func pad(to alignment: Int) {
        while bytes.count % alignment != 0 { bytes.append(0) }
    }
}
