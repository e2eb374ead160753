import ConnectTo

/// The duty to answer one request, for a handler that returns before it knows the answer.
///
/// There is exactly one, and it cannot be copied. Dropping it without an answer is an answer too, so that no caller
/// waits for ever: ``CallError/Code/noAnswer``.
public struct DeferredAnswer<Answer: Encodable & Sendable>: ~Copyable, Sendable {
    private let call: ServedCall

    init(call: ServedCall) {
        self.call = call
    }

    deinit {
        // A second answer to one request is dropped, so this says something only where nothing was said before.
        call.fail(CallFailure(.noAnswer, "the handler of \(call.type) has dropped the request without an answer"))
    }

    /// Answers. Does nothing where the other program has given up or the line has ended.
    ///
    /// - Throws: ``CallError`` with ``CallError/Code/notEncodable``; then the request fails with that.
    public consuming func answer(_ answer: Answer) throws(CallError) {
        let payload: OutgoingMessage?
        do throws(CallError) {
            payload = try .payload(answer)
        } catch {
            call.fail(error)
            throw error
        }
        if let refusal = call.answer(payload) { throw refusal }
    }

    /// Answers with an error: a ``CallFailure`` arrives whole.
    public consuming func fail(_ error: any Error) {
        call.fail(error)
    }

    /// Whether the caller has given up, or the line has ended.
    public var isCancelled: Bool { call.isCancelled }
}

extension CallHandling {
    /// Answers a type of requests later: the handler keeps the ``DeferredAnswer``, and returns.
    @discardableResult
    public func onDeferred<Query, Answer>(
        _ request: Request<Query, Answer>,
        _ handler: @escaping @Sendable (Query, consuming DeferredAnswer<Answer>, CallContext) -> Void
    ) -> Subscription {
        handlers.set(
            TypeName.checked(request.type),
            .direct { payload, call, context in
                do {
                    handler(try payload.decode(Query.self), DeferredAnswer(call: call), context)
                } catch {
                    call.fail(error)
                }
            })
    }
}
