/// What is known about a file that came with a message.
struct FileFacts: Sendable, Equatable {
    enum Size: Sendable, Equatable {
        case bytes(Int)
        /// Not a regular file.
        case none
        /// The kernel has not told the size yet, and perhaps never will.
        case unknown
    }

    /// The name that the message gives the file: its payload, if it is text or bytes and brings exactly one file.
    var name: String?
    var size: Size
    /// Nil if no file was to be saved.
    var isSaved: Bool?

    /// The facts as a text line for people.
    var textLine: String {
        let size =
            switch size {
            case .bytes(1): "1 byte"
            case .bytes(let count): "\(count) bytes"
            case .none: "not a regular file"
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
