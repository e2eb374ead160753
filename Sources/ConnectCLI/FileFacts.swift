/// What there is to say of a file that came with a message.
struct FileFacts: Sendable, Equatable {
    /// What the message calls it: its text, where it brings one file and is text or bytes.
    var name: String?
    /// In bytes; nil of what is no regular file.
    var size: Int?
    /// Nil where it was not to be.
    var isSaved: Bool?

    /// As a line for people.
    var line: String {
        let size = size.map { $0 == 1 ? "1 byte" : "\($0) bytes" } ?? "no regular file"
        return "file \(name.map(TerminalText.escaped) ?? "without a name") (\(size))"
    }

    var object: JSONObject {
        var object: JSONObject = ["name": .optional(name), "size": .optional(size)]
        if let isSaved { object.add("saved", .boolean(isSaved)) }
        return object
    }
}
