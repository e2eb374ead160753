// These texts say for an error message what is wrong with a value, and where in it. They never quote the value itself,
// only names of keys and types.

extension DecodingError {
    var place: String {
        switch self {
        case .dataCorrupted(let context) where context.underlyingError is TransferFault: context.debugDescription
        case .keyNotFound(let key, let context): "\(codingPath(context.codingPath + [key])) is missing"
        case .valueNotFound(_, let context): "\(codingPath(context.codingPath)) is null"
        case .typeMismatch(let type, let context): "\(codingPath(context.codingPath)) is not of the type \(type)"
        case .dataCorrupted(let context) where context.codingPath.isEmpty: "it is not JSON"
        case .dataCorrupted(let context): "\(codingPath(context.codingPath)) is not a valid value of its type"
        @unknown default: "its content does not fit the type"
        }
    }
}

extension EncodingError {
    var place: String {
        switch self {
        case .invalidValue(_, let context) where context.underlyingError is TransferFault: context.debugDescription
        case .invalidValue(let value, let context):
            "\(codingPath(context.codingPath)) is a \(type(of: value))"
                + (value is any BinaryFloatingPoint
                    ? " that is not finite, which JSON cannot express" : ": \(context.debugDescription)")
        @unknown default: "a part of it cannot be written as JSON"
        }
    }
}

func codingPath(_ keys: [any CodingKey]) -> String {
    if keys.isEmpty { return "the value" }
    return keys.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
}
