import FoundationEssentials

/// A line of the input: what to post, and to whom.
struct InputLine: Sendable, Equatable {
    let payload: Payload
    /// The number of the port, as the `connect` event told it; `nil` is every open port.
    let port: Int?

    /// For every open port, or for one.
    init(_ payload: Payload, port: Int? = nil) {
        self.payload = payload
        self.port = port
    }

    /// With `--json`: a line that begins with `{` is `{"port":1,"text":…}`, with `base64` or `json` in place of
    /// `text` as wanted, and for every open port where `port` is absent or null. Members it does not know
    /// are passed over. Any other line is posted as it is.
    /// - Throws: ``Failure`` 65, which says what is wrong and what to write; not in which line.
    init(object line: [UInt8]) throws(Failure) {
        var scanner = JSONScanner(line)
        guard scanner.take("{") else {
            self.init(Payload(line: line))
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
                "byte \(error.offset + 1) is not as in a JSON object",
                "write {\"port\":1,\"text\":\"…\"}, or text that does not begin with {")
        }
        let port = try members["port"].flatMap { json throws(Failure) in try Self.portNumber(json) }
        var payloads: [Payload] = []
        if let json = members["text"] { payloads.append(.text(try Self.string(json, "text"))) }
        if let json = members["base64"] {
            guard let data = Data(base64Encoded: try Self.string(json, "base64")) else {
                throw Self.failure("its \"base64\" is no base64", "see RFC 4648, section 4")
            }
            payloads.append(.bytes([UInt8](data)))
        }
        if let json = members["json"] { payloads.append(.json(try Self.text(json))) }
        guard let payload = payloads.first else {
            throw Self.failure("it says nothing to send", "add \"text\", \"base64\" or \"json\"")
        }
        if payloads.count > 1 {
            throw Self.failure(
                "it says more than one thing to send",
                "give one of \"text\", \"base64\" and \"json\", and a line for each message")
        }
        self.init(payload, port: port)
    }

    private static func portNumber(_ json: [UInt8]) throws(Failure) -> Int? {
        let text = try text(json)
        if text == "null" { return nil }
        if let number = Int(text) { return number }
        throw failure("its \"port\" is no whole number", "copy the one of the connect event")
    }

    private static func string(_ json: [UInt8], _ key: String) throws(Failure) -> String {
        var scanner = JSONScanner(json)
        do throws(JSONScanner.Malformed) {
            return try scanner.string()
        } catch {
            if error.isHalfSurrogate {
                throw halfSurrogate("its \"\(key)\"", "if it is no text, send it as {\"base64\":\"…\"}")
            }
            throw failure("its \"\(key)\" is no string", "put it in quotation marks")
        }
    }

    /// JSON as it was written: a part of a line that is UTF-8, cut at characters that are ASCII.
    private static func text(_ json: [UInt8]) throws(Failure) -> String {
        guard let text = String(validating: json, as: UTF8.self) else {
            throw failure("it is not UTF-8", "send bytes as {\"base64\":\"…\"}")
        }
        return text
    }

    private static func halfSurrogate(_ what: String, _ advice: String) -> Failure {
        failure("\(what) has half a surrogate pair (\\ud800 to \\udfff alone), which is no character", advice)
    }

    private static func failure(_ what: String, _ advice: String) -> Failure {
        Failure(.unsendable, "\(what); \(advice)")
    }
}

extension JSONScanner {
    /// Walks over the rest of an object that has been begun, to the end of the text; of members with the same
    /// name the last counts.
    fileprivate mutating func members() throws(Malformed) -> [String: [UInt8]] {
        var members: [String: [UInt8]] = [:]
        var isFirst = true
        while !take("}") {
            if !isFirst, !take(",") { throw malformed }
            isFirst = false
            let key = try string()
            if !take(":") { throw malformed }
            members[key] = Array(text[try value()])
        }
        try end()
        return members
    }
}
