import FoundationEssentials

/// How text lines become messages.
enum InputForm: Sendable {
    /// Each text line is posted unchanged.
    case plain
    /// With `--json`: a JSON object says what to post; any other text line is posted unchanged.
    case objects
    /// With `--as-json`: each text line is JSON, and is posted as JSON.
    case json

    init(asJSON: Bool, objects: Bool) {
        self = asJSON ? .json : objects ? .objects : .plain
    }

    /// - Throws: ``Failure`` 65, which says what is wrong and what to write instead, but not in which text line.
    func read(_ line: [UInt8]) throws(Failure) -> InputCommand {
        switch self {
        case .plain: InputCommand(.post(MessageContent(line: line)))
        case .objects: try InputCommand(object: line)
        case .json: InputCommand(.post(try MessageContent(json: line)))
        }
    }

    /// The message to post for a text line, for a program with only one port.
    /// - Throws: ``Failure`` 65.
    func read(_ line: [UInt8], number: Int) throws(Failure) -> MessageContent {
        do throws(Failure) { return try read(line).content } catch { throw error.ofTextLine(number) }
    }
}

extension Failure {
    /// The same failure, with the number of the text line of the input.
    func ofTextLine(_ number: Int) -> Failure {
        Failure(status, "line \(number) of standard input was not sent: \(message ?? "")")
    }
}

/// What a text line of the input says to do, and with which port.
struct InputCommand: Sendable, Equatable {
    enum Action: Sendable, Equatable {
        case post(MessageContent)
        /// Closes the port after what was posted to it.
        case close
    }

    let action: Action
    /// The number of the port from its `connect` event; `nil` means every open port.
    let port: Int?

    /// Makes a command for one port, or for every open port.
    init(_ action: Action, port: Int? = nil) {
        self.action = action
        self.port = port
    }

    /// The content to post, for a program that can only post.
    /// - Throws: ``Failure`` 65 if the text line asks for a close.
    var content: MessageContent {
        get throws(Failure) {
            if case .post(let content) = action { return content }
            throw Self.failure(
                "\"close\" is for connect listen", "end standard input, which ends this side of the call")
        }
    }

    /// Reads a text line of `--json` input. One that begins with `{` is `{"port":1,"text":…}`, with `base64` or `json`
    /// allowed in place of `text`, or `{"port":1,"close":true}`. Without `port`, or if it is null, it is for every open
    /// port. Unknown members are ignored. Any other text line is posted unchanged.
    /// - Throws: ``Failure`` 65, which says what is wrong and what to write instead, but not in which text line.
    init(object line: [UInt8]) throws(Failure) {
        var scanner = JSONScanner(line)
        guard scanner.skip("{") else {
            self.init(.post(MessageContent(line: line)))
            return
        }
        guard String(validating: line, as: UTF8.self) != nil else {
            throw Self.failure("it is not UTF-8", "send bytes as {\"base64\":\"…\"}")
        }
        let members: [String: [UInt8]]
        do throws(JSONScanner.Malformed) {
            members = try scanner.members()
        } catch {
            if error.isHalfSurrogate { throw Self.halfSurrogate("it", "write out the whole character") }
            throw Self.failure(
                "byte \(error.offset + 1) is not valid in a JSON object",
                "write {\"port\":1,\"text\":\"…\"}, or text that does not begin with {")
        }
        let port = try members["port"].flatMap { json throws(Failure) in try Self.portNumber(json) }
        var actions: [Action] = []
        if let json = members["text"] { actions.append(.post(.text(try Self.string(json, "text")))) }
        if let json = members["base64"] {
            guard let data = Data(base64Encoded: try Self.string(json, "base64")) else {
                throw Self.failure("its \"base64\" is not base64", "see RFC 4648, section 4")
            }
            actions.append(.post(.bytes([UInt8](data))))
        }
        if let json = members["json"] { actions.append(.post(.json(try Self.text(json)))) }
        if try members["close"].map({ json throws(Failure) in try Self.isTrue(json, "close") }) == true {
            actions.append(.close)
        }
        guard let action = actions.first else {
            throw Self.failure("it has nothing to post", "add \"text\", \"base64\" or \"json\", or \"close\":true")
        }
        if actions.count > 1 {
            throw Self.failure(
                "it has more than one thing to do",
                "give one of \"text\", \"base64\", \"json\" and \"close\" on each line")
        }
        self.init(action, port: port)
    }

    private static func portNumber(_ json: [UInt8]) throws(Failure) -> Int? {
        let text = try text(json)
        if text == "null" { return nil }
        if let number = Int(text) { return number }
        throw failure("its \"port\" is not a whole number", "copy the number from the connect event")
    }

    private static func string(_ json: [UInt8], _ key: String) throws(Failure) -> String {
        var scanner = JSONScanner(json)
        do throws(JSONScanner.Malformed) {
            return try scanner.string()
        } catch {
            if error.isHalfSurrogate {
                throw halfSurrogate("its \"\(key)\"", "if it is not text, send it as {\"base64\":\"…\"}")
            }
            throw failure("its \"\(key)\" is not a string", "put it in quotation marks")
        }
    }

    private static func isTrue(_ json: [UInt8], _ key: String) throws(Failure) -> Bool {
        switch try text(json) {
        case "true": return true
        case "false", "null": return false
        default: throw failure("its \"\(key)\" is neither true nor false", "write {\"port\":1,\"\(key)\":true}")
        }
    }

    /// JSON as text, unchanged. It is a part of a text line that is UTF-8, cut at ASCII characters.
    private static func text(_ json: [UInt8]) throws(Failure) -> String {
        guard let text = String(validating: json, as: UTF8.self) else {
            throw failure("it is not UTF-8", "send bytes as {\"base64\":\"…\"}")
        }
        return text
    }

    private static func halfSurrogate(_ what: String, _ advice: String) -> Failure {
        failure("\(what) has half a surrogate pair (\\ud800 to \\udfff alone), which is not a character", advice)
    }

    private static func failure(_ what: String, _ advice: String) -> Failure {
        Failure(.unsendable, "\(what); \(advice)")
    }
}

extension JSONScanner {
    /// Scans the rest of an object, after its `{`, to the end of the text. If members have the same name, the last one
    /// counts.
    fileprivate mutating func members() throws(Malformed) -> [String: [UInt8]] {
        var members: [String: [UInt8]] = [:]
        var isFirst = true
        while !skip("}") {
            if !isFirst, !skip(",") { throw malformed }
            isFirst = false
            let key = try string()
            if !skip(":") { throw malformed }
            members[key] = Array(text[try value()])
        }
        try expectEnd()
        return members
    }
}
