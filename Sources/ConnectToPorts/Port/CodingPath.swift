// These texts say for an error message what is wrong with a value, and where in it. They never quote the value itself,
// only names of keys and types.

extension DecodingError {
    var place: String {
        switch self {
        case .keyNotFound(let key, let context): "there is no \(codingPath(context.codingPath + [key]))"
        case .valueNotFound(_, let context): "\(codingPath(context.codingPath)) is null"
        case .typeMismatch(let type, let context): "\(codingPath(context.codingPath)) is no \(type)"
        case .dataCorrupted(let context) where context.codingPath.isEmpty: "it is not JSON"
        case .dataCorrupted(let context): "\(codingPath(context.codingPath)) is broken"
        @unknown default: "it does not fit"
        }
    }
}

extension EncodingError {
    var place: String {
        switch self {
        case .invalidValue(let value, let context):
            value is any BinaryFloatingPoint
                ? "\(codingPath(context.codingPath)) is a \(type(of: value)) that is not finite, and JSON has none"
                : "\(codingPath(context.codingPath)) is a \(type(of: value)): \(context.debugDescription)"
        @unknown default: "a part of it has no form in JSON"
        }
    }
}

private func codingPath(_ keys: [any CodingKey]) -> String {
    if keys.isEmpty { return "the value" }
    return keys.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
}
