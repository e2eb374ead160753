public import ConnectTo

/// The answers that a handler gives to one request for many.
public struct AnswerStream<Element: Encodable & Sendable>: Sendable {
    let call: ServedCall

    /// Gives one more answer, and waits while the other program takes them too slowly: at most sixteen are under way.
    ///
    /// - Throws: `CancellationError` where nothing is wanted any more.
    public func yield(_ element: Element) async throws {
        try await PayloadStream(call: call).yield(try .payload(element))
    }
}

/// The answers that a handler gives to one request for many, of a type that is known only now.
public struct PayloadStream: Sendable {
    let call: ServedCall

    /// Gives one more answer, and waits while the other program takes them too slowly: at most sixteen are under way.
    ///
    /// - Throws: `CancellationError` where nothing is wanted any more.
    public func yield(_ element: OutgoingMessage?) async throws {
        guard try await call.send(element) else { throw CancellationError() }
    }
}
