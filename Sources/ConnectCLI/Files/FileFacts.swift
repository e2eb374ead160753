/// What there is to say of a file that came with a message.
struct FileFacts: Sendable, Equatable {
    enum Size: Sendable, Equatable {
        case bytes(Int)
        /// It is no regular file.
        case none
        /// Nothing has told it yet, or will.
        case unknown
    }

    /// What the message calls it: its text, where it brings one file and is text or bytes.
    var name: String?
    var size: Size
    /// Nil where it was not to be.
    var isSaved: Bool?

    /// As a line for people.
    var line: String {
        let size =
            switch size {
            case .bytes(1): "1 byte"
            case .bytes(let count): "\(count) bytes"
            case .none: "no regular file"
            case .unknown: "size unknown"
            }
        return "file \(name.map(TerminalText.escaped) ?? "without a name") (\(size))"
    }

    var object: JSONObject {
        let count: Int? = if case .bytes(let count) = size { count } else { nil }
        var object: JSONObject = ["name": .optional(name), "size": .optional(count)]
        if let isSaved { object.add("saved", .boolean(isSaved)) }
        return object
    }
}
