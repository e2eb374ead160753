import ConnectTo

extension Messenger {
    /// Answers a type of requests. A handler set later for the same type replaces this one.
    ///
    /// An error that the handler throws is the answer: a ``CallFailure`` arrives whole, any other as
    /// ``CallError/Code/handlerFailed`` with its description. The handler's task is cancelled when the other program
    /// gives up, when its time is over and when the line ends.
    @discardableResult
    public func on<Query, Answer>(
        _ request: Request<Query, Answer>,
        _ handler: @escaping @Sendable (Query, CallContext) async throws -> Answer
    ) -> Subscription {
        handlers.set(request.type) { payload, call, context in
            do {
                let query = try payload.decode(Query.self)
                call.answer(try .payload(try await handler(query, context)))
            } catch {
                call.fail(error)
            }
        }
    }

    /// Answers a type of requests with many answers each, by an ``AnswerStream``. The stream ends when the handler
    /// returns.
    @discardableResult
    public func on<Query, Element>(
        _ request: StreamRequest<Query, Element>,
        _ handler: @escaping @Sendable (Query, AnswerStream<Element>, CallContext) async throws -> Void
    ) -> Subscription {
        handlers.set(request.type) { payload, call, context in
            guard call.wantsMany else {
                return call.fail(CallFailure(.manyAnswers, "\(request.type) answers with a stream: ask for one"))
            }
            do {
                try await handler(try payload.decode(Query.self), AnswerStream(call: call), context)
                call.answer(nil)
            } catch {
                call.fail(error)
            }
        }
    }

    /// Hears a type of events, in their order: the next one waits until the handler has returned.
    ///
    /// A type may have several handlers. An event whose content does not decode is told to ``onUnknown(_:)``.
    @discardableResult
    public func on<Content>(
        _ event: Event<Content>, _ handler: @escaping @Sendable (Content, CallContext) async -> Void
    ) -> Subscription {
        handlers.add(event.type) { [handlers] payload, context in
            do throws(CallError) {
                await handler(try payload.decode(Content.self), context)
            } catch {
                handlers.unknown(event.type, payload)
            }
        }
    }

    /// Hears of events that have no handler, or a content that their handler does not take.
    public func onUnknown(_ handler: (@Sendable (_ type: String, _ payload: Payload) -> Void)?) {
        handlers.onUnknown(handler)
    }
}

/// The answers that a handler gives to one request for many.
public struct AnswerStream<Element: Encodable & Sendable>: Sendable {
    let call: ServedCall

    /// Gives one more answer, and waits while the other program takes them too slowly: at most sixteen are under way.
    ///
    /// - Throws: `CancellationError` where nothing is wanted any more.
    public func yield(_ element: Element) async throws {
        guard await call.send(try .payload(element)) else { throw CancellationError() }
    }
}
