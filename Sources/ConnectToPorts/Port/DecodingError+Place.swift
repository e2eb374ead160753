extension DecodingError {
    /// What does not fit, and where; nothing of the payload but the names of keys.
    var place: String {
        switch self {
        case .keyNotFound(let key, let context): "there is no \(Self.path(context.codingPath + [key]))"
        case .valueNotFound(_, let context): "\(Self.path(context.codingPath)) is null"
        case .typeMismatch(let type, let context): "\(Self.path(context.codingPath)) is no \(type)"
        case .dataCorrupted(let context) where context.codingPath.isEmpty: "it is not JSON"
        case .dataCorrupted(let context): "\(Self.path(context.codingPath)) is broken"
        @unknown default: "it does not fit"
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        if keys.isEmpty { return "the value" }
        return keys.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
    }
}
