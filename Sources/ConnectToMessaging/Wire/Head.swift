/// An envelope as it is on the wire: 16 bytes, little-endian, a name, and the text of a failure.
///
/// It is flat, so that it is written and moved in a few instructions; what it means is ``Envelope/Operation``.
struct Head {
    static let size = 16

    enum Code: UInt8 {
        case hello = 1
        case request = 2
        case element = 3
        case result = 4
        case failure = 5
        case cancel = 6
        case grant = 7
        case event = 8
        case lane = 9
        case rest = 10
    }

    static let many: UInt8 = 1
    static let placeKept: UInt8 = 1
    static let compressed: UInt8 = 0x80

    let code: Code
    var body: Envelope.BodyKind?
    var isCompressed = false
    var flags: UInt8
    var number: UInt32
    var id: UInt64
    var name: String
    /// A failure's text, which stands between name and body.
    var text: String

    init(
        _ code: Code, flags: UInt8 = 0, number: UInt32 = 0, id: UInt64 = 0, name: String = "", text: String = ""
    ) {
        self.code = code
        self.flags = flags
        self.number = number
        self.id = id
        self.name = name
        self.text = text
    }

    /// The bytes that it takes, without a body.
    var length: Int { Head.size + name.utf8.count + text.utf8.count }

    /// Writes a message: this head and its body.
    func encoded(body bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: length + bytes.count) { buffer, count in
            count = write(body, bytes, to: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    /// Writes a message into memory that has room for it.
    ///
    /// - Returns: how many bytes it takes.
    func write(
        _ body: Envelope.BodyKind?, _ bytes: UnsafeRawBufferPointer, to message: UnsafeMutableRawBufferPointer
    ) -> Int {
        message[0] = code.rawValue
        message[1] = body?.rawValue ?? 0
        message[2] = flags | (isCompressed ? Head.compressed : 0)
        message[3] = UInt8(truncatingIfNeeded: name.utf8.count)
        message.storeBytes(of: number.littleEndian, toByteOffset: 4, as: UInt32.self)
        message.storeBytes(of: id.littleEndian, toByteOffset: 8, as: UInt64.self)
        var count = Head.size
        message.append(name, at: &count)
        if !text.isEmpty { message.append(text, at: &count) }
        message.append(bytes, at: &count)
        return count
    }
}

extension UnsafeMutableRawBufferPointer {
    fileprivate func append(_ text: String, at offset: inout Int) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0), at: &offset) }
    }

    @inline(__always)
    fileprivate func append(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) {
        guard let start = bytes.baseAddress else { return }
        (baseAddress! + offset).copyMemory(from: start, byteCount: bytes.count)
        offset += bytes.count
    }
}
