import FoundationEssentials

/// A line of the standard input of `listen`: what to post, and to whom.
struct InputLine: Sendable, Equatable {
    let payload: Payload
    /// The number of the port, as the `connect` event told it; `nil` is every open port.
    let port: Int?

    /// A line as it is, for everybody.
    init(plain line: [UInt8]) {
        payload = Payload(line: line)
        port = nil
    }

    /// With `--json`: a line that begins with `{` is `{"port":1,"text":…}`, with `base64` or `json` in place of
    /// `text` as wanted, and for every open port where `port` is absent or null. Members it does not know
    /// are passed over. Any other line is posted as it is.
    /// - Throws: ``Failure`` 65.
    init(json line: [UInt8]) throws(Failure) {
        var scanner = JSONScanner(line)
        guard scanner.take("{") else {
            self.init(plain: line)
            return
        }
        guard String(validating: line, as: UTF8.self) != nil else {
            throw Self.failure("is not UTF-8")
        }
        var payloads: [Payload] = []
        var port: Int?
        do throws(JSONScanner.Malformed) {
            var isFirst = true
            while !scanner.take("}") {
                if !isFirst, !scanner.take(",") { throw JSONScanner.Malformed(offset: scanner.position) }
                isFirst = false
                let key = try scanner.string()
                guard scanner.take(":") else { throw JSONScanner.Malformed(offset: scanner.position) }
                let range = try scanner.value()
                let value = Array(line[range])
                switch key {
                case "port": port = try Self.portNumber(value, at: range.lowerBound)
                case "text": payloads.append(.text(try Self.string(value, at: range.lowerBound)))
                case "base64":
                    guard let data = Data(base64Encoded: try Self.string(value, at: range.lowerBound)) else {
                        throw JSONScanner.Malformed(offset: range.lowerBound)
                    }
                    payloads.append(.bytes([UInt8](data)))
                case "json": payloads.append(.json(String(decoding: value, as: UTF8.self)))
                default: break
                }
            }
            try scanner.end()
        } catch {
            throw Self.failure("is wrong at byte \(error.offset + 1)")
        }
        guard payloads.count == 1 else {
            throw Self.failure("needs one of text, base64 and json")
        }
        self = InputLine(payload: payloads[0], port: port)
    }

    private init(payload: Payload, port: Int?) {
        self.payload = payload
        self.port = port
    }

    private static func portNumber(_ json: [UInt8], at offset: Int) throws(JSONScanner.Malformed) -> Int? {
        let text = String(decoding: json, as: UTF8.self)
        if text == "null" { return nil }
        guard let number = Int(text) else { throw JSONScanner.Malformed(offset: offset) }
        return number
    }

    private static func string(_ json: [UInt8], at offset: Int) throws(JSONScanner.Malformed) -> String {
        var scanner = JSONScanner(json)
        do throws(JSONScanner.Malformed) {
            return try scanner.string()
        } catch { throw JSONScanner.Malformed(offset: offset + error.offset) }
    }

    private static func failure(_ what: String) -> Failure {
        Failure(
            .unsendable,
            "an input line \(what) and was not sent; write {\"port\":1,\"text\":\"…\"}, or text that does not begin with {"
        )
    }
}
