import ConnectTo
import ConnectToLinux
import FoundationEssentials

/// The `--json` event of a message or call, made in pieces because it can be six times as long as what came.
///
/// The payload is in the member `text`; in `base64` if it is not UTF-8; in `json`, as the peer wrote it, if it is JSON.
struct MessageEvent<Content: ReceivedContent>: IteratorProtocol, Sendable {
    private enum Form: String, Sendable {
        case text, base64, json
        /// No payload at all, which only a call can have.
        case none
    }

    /// How many bytes of the payload are in a piece: a multiple of three, so that base64 pieces can be joined.
    private static var pieceSize: Int { 48 << 10 }

    private let message: Content
    private let form: Form
    private let head: [UInt8]
    private let tail: [UInt8]
    /// The offset in the payload; nil after the last piece.
    private var position: Int? = 0

    /// - Parameter files: the files that came with the message.
    init(_ message: Content, files: [FileFacts] = [], port: Int) {
        self.init(message, files: files, in: ["event": .string("message"), "port": .integer(port)])
    }

    /// - Parameter event: the members that stand before the payload.
    init(_ message: Content, files: [FileFacts] = [], in event: JSONObject) {
        self.message = message
        form = Self.form(of: message)
        let quote = form == .json || form == .none ? "" : "\""
        let key = form == .none ? "" : ",\"\(form.rawValue)\":\(quote)"
        head = Array(event.bytes.dropLast()) + Array(key.utf8)
        var rest: JSONObject = [:]
        if !files.isEmpty { rest.add("files", .objects(files.map(\.object))) }
        let count = message.transferred.count
        if count > 0 { rest.add("transferred", .integer(count)) }
        let members = Array(rest.bytes.dropFirst())
        tail = Array((members.count == 1 ? quote : quote + ",").utf8) + members
    }

    /// The next piece of the text line, or nil after the last.
    mutating func next() -> [UInt8]? {
        guard let position else { return nil }
        var piece = position == 0 ? head : []
        let end = message.withUnsafeBytes { bytes in
            let end = pieceEnd(in: bytes, from: position)
            append(UnsafeRawBufferPointer(rebasing: bytes[position..<end]), to: &piece)
            return end
        }
        self.position = end < message.count ? end : nil
        if self.position == nil { piece += tail }
        return piece
    }

    /// The whole text line, without its newline.
    var bytes: [UInt8] {
        var rest = self
        var bytes: [UInt8] = []
        while let piece = rest.next() { bytes += piece }
        return bytes
    }

    /// Does not cut text within a character.
    private func pieceEnd(in bytes: UnsafeRawBufferPointer, from position: Int) -> Int {
        var end = min(position + Self.pieceSize, bytes.count)
        if form != .base64 {
            while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        }
        return end
    }

    private func append(_ payload: UnsafeRawBufferPointer, to piece: inout [UInt8]) {
        switch form {
        case .text: JSONObject.appendContents(of: String(decoding: payload, as: UTF8.self), to: &piece)
        case .base64: piece += Data(payload).base64EncodedString().utf8
        case .json: JSONScanner.appendOnOneLine(String(decoding: payload, as: UTF8.self), to: &piece)
        case .none: break
        }
    }

    /// A peer can call any payload JSON, and one that is not must not break the text line. A payload that the peer
    /// calls text may not be UTF-8; base64 keeps all of it.
    private static func form(of message: Content) -> Form {
        guard let kind = message.contentKind else { return .none }
        if kind == .json, isJSON(message) { return .json }
        return kind != .bytes && isUTF8(message) ? .text : .base64
    }

    /// Looks at the payload in place: as a string it would be copied.
    private static func isUTF8(_ message: Content) -> Bool {
        message.withUnsafeBytes { (try? UTF8Span(validating: $0.assumingMemoryBound(to: UInt8.self).span)) != nil }
    }

    /// A payload that there is no memory to check does not count as JSON.
    private static func isJSON(_ message: Content) -> Bool {
        let copies = 2 * message.count
        if copies > 1 << 20, !PageMemory.hasRoom(for: copies) { return false }
        return JSONScanner.suitsEveryParser(message.bytes)
    }
}
