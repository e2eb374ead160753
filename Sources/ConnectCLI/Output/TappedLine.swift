import ConnectTo
import ConnectToMessaging
import FoundationEssentials

/// A message in the output of `tap`. On a line of calls its envelope is shown in words, and then the payload.
struct TappedLine {
    private let record: TappedMessage
    /// Nil where the message is none of a line of calls.
    private let call: CallMessage?

    /// - Parameter format: what the lines of the context carry.
    init(_ record: TappedMessage, format: LineFormat?) {
        self.record = record
        call = format == .calls ? CallMessage(record) : nil
    }

    /// The text line for people.
    var text: [UInt8] {
        let mark = record.direction == .received ? "<" : ">"
        var line = Array("\(record.line) \(mark) ".utf8)
        if let call { line += TerminalText.escapedOnce(call.description).utf8 }
        let isCompressed = call?.isCompressed == true
        if let (_, bytes) = payload, !isCompressed {
            if call != nil { line += ": ".utf8 }
            line += bytes
        }
        if !isWhole || isCompressed { line += " … (\(record.length) bytes)".utf8 }
        if record.transferredCount > 0 { line += " (and \(record.transferredCount) ports, files or buffers)".utf8 }
        return line
    }

    /// The object of `--json`.
    var object: JSONObject {
        var object: JSONObject = [
            "event": .string("message"), "port": .integer(record.line),
            "direction": .string(record.direction.description),
        ]
        if let call { object.add("call", .object(JSONObject(call))) }
        if let payload { add(payload, to: &object) }
        object.add("length", .integer(record.length))
        object.add("transferred", .integer(record.transferredCount))
        object.add("missed", .integer(record.missedCount))
        return object
    }

    private var isWhole: Bool { record.length == record.payload.count }

    /// What stands behind the envelope, if there is one; nil where the envelope says that there is nothing.
    private var payload: (kind: Message.Kind, bytes: ArraySlice<UInt8>)? {
        guard let call else { return (record.kind, record.payload[...]) }
        return call.payloadKind.map { ($0, record.payload[call.payloadOffset...]) }
    }

    private func add(_ payload: (kind: Message.Kind, bytes: ArraySlice<UInt8>), to object: inout JSONObject) {
        let isReadable = payload.kind != .bytes && call?.isCompressed != true
        if isReadable, payload.kind == .json, isWhole, let json = JSONScanner.singleLine(Array(payload.bytes)) {
            object.add("json", .raw(json))
        } else if isReadable, let text = readText(payload.bytes) {
            object.add("text", .string(text))
        } else {
            object.add("base64", .string(Data(payload.bytes).base64EncodedString()))
        }
    }

    /// Text that was cut off may end within a character, which is left out. Nil for any other text that is not UTF-8.
    private func readText(_ bytes: ArraySlice<UInt8>) -> String? {
        for count in 0...(isWhole ? 0 : min(3, bytes.count)) {
            if let text = String(validating: bytes.dropLast(count), as: UTF8.self) { return text }
        }
        return nil
    }
}

extension JSONObject {
    /// The envelope of a message of calls: the members that it has.
    fileprivate init(_ call: CallMessage) {
        self = ["operation": .string(call.operation.rawValue)]
        if let id = call.id { add("id", .integer(Int(clamping: id))) }
        if let type = call.type { add("type", .string(type)) }
        if let peer = call.peer { add("peer", .string(peer)) }
        if let time = call.remainingTime { add("remaining", .integer(Int(time / .milliseconds(1)))) }
        if let code = call.code { add("code", .string(code.rawValue)) }
        // Not "text", which is a payload elsewhere.
        if let text = call.text { add("message", .string(text)) }
        for (name, number) in [("places", call.places), ("window", call.window), ("elements", call.elements)] {
            if let number { add(name, .integer(number)) }
        }
        if call.isCompressed { add("compressed", .boolean(true)) }
    }
}
