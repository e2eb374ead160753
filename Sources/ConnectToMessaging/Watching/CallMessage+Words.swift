extension CallMessage: CustomStringConvertible {
    /// The message in words, on one line, without its payload: `request 7 status, 5000 ms, json`.
    public var description: String {
        var words = head
        if let payloadKind { words += ", \(isCompressed ? "compressed " : "")\(payloadKind)" }
        return words
    }

    private var head: String {
        switch envelope.operation {
        case .hello(let hello):
            let features = hello.features.sorted().map { ", \(Self.word($0))" }.joined()
            return "hello, version \(hello.version), \(hello.places) places, window \(hello.window)\(features)"
        case .request(let id, _, let remaining, _):
            let name = name.map { " \(Self.word($0))" } ?? ""
            return "\(operation) \(id)\(name)" + (remaining > 0 ? ", \(remaining) ms" : "")
        case .element(let id), .cancel(let id):
            return "\(operation) \(id)"
        case .result(let id, let keepsPlace):
            return "\(operation) \(id)" + (keepsPlace ? ", place kept" : "")
        case .failure(let id, let code, let text, let keepsPlace):
            let words = "\(operation) \(id) \(Self.word(code))" + (text.isEmpty ? "" : " \(text.debugDescription)")
            return words + (keepsPlace ? ", place kept" : "")
        case .grant(.places(let count)):
            return "grant of \(count) \(count == 1 ? "place" : "places")"
        case .grant(.window(let count)):
            return "grant of \(count) bytes"
        case .grant(.elements(let count, let id)):
            return "grant of \(count) \(count == 1 ? "element" : "elements") for \(id)"
        case .event(let name):
            return "event \(Self.word(name))"
        case .lane:
            return "lane"
        case .rest(.wanted):
            return "rest"
        case .rest(.agreed):
            return "rest agreed to"
        case .rest(.over):
            return "rest over"
        }
    }

    /// A name as it is, or quoted where it would not read as one word on one line.
    private static func word(_ name: String) -> String {
        let isPlain = name.unicodeScalars.allSatisfy { scalar in
            !scalar.properties.isWhitespace && scalar.properties.generalCategory != .control && scalar != "\""
                && scalar != ","
        }
        return isPlain && !name.isEmpty ? name : name.debugDescription
    }
}
