public import ConnectTo

// MARK: Requests

extension CallHandling {
    /// Answers a type of requests. A handler set later for the same type replaces this one.
    ///
    /// An error that the handler throws is the answer: a ``CallFailure`` arrives whole, any other as
    /// ``CallError/Code/handlerFailed`` with its description. The handler's task is cancelled when the other program
    /// gives up, when its time is over and when the line ends.
    ///
    /// - Parameters:
    ///   - request: what is answered.
    ///   - order: whether requests of this type are handled at the same time.
    ///   - handler: makes the answer.
    @discardableResult
    public func on<Query, Answer>(
        _ request: Request<Query, Answer>, order: HandlerOrder = .concurrent,
        _ handler: @escaping @Sendable (Query, CallContext) async throws -> Answer
    ) -> Subscription {
        onRequest(request.type, order: order) { payload, context in
            try .payload(try await handler(try payload.decode(Query.self), context))
        }
    }

    /// Answers a type of requests without waiting for anything: quicker than a handler that could wait, since it needs
    /// no task.
    @discardableResult
    public func on<Query, Answer>(
        _ request: Request<Query, Answer>, _ handler: @escaping @Sendable (Query, CallContext) throws -> Answer
    ) -> Subscription {
        onRequest(request.type) { payload, context in
            try .payload(try handler(try payload.decode(Query.self), context))
        }
    }

    /// Answers a type of requests that is known only now; nil answers without a payload.
    ///
    /// - Parameters:
    ///   - type: the name on the wire: 1 to 255 bytes of UTF-8 that do not begin with `@`. No other request arrives, so
    ///     the program ends where it asks for one: a precondition, as for every definition that is handled.
    ///   - order: whether requests of this type are handled at the same time.
    ///   - handler: makes the answer.
    @discardableResult
    public func onRequest(
        _ type: String, order: HandlerOrder = .concurrent,
        _ handler: @escaping @Sendable (Payload, CallContext) async throws -> OutgoingMessage?
    ) -> Subscription {
        handlers.set(TypeName.checked(type), .answering(order, handler))
    }

    /// Answers a type of requests that is known only now, without waiting for anything.
    ///
    /// - Parameters:
    ///   - type: as of ``onRequest(_:order:_:)``.
    ///   - handler: makes the answer.
    @discardableResult
    public func onRequest(
        _ type: String, _ handler: @escaping @Sendable (Payload, CallContext) throws -> OutgoingMessage?
    ) -> Subscription {
        handlers.set(
            TypeName.checked(type),
            .direct { payload, call, context in
                do {
                    call.answer(try handler(payload, context))
                } catch {
                    call.fail(error)
                }
            })
    }
}

// MARK: Any type

extension CallHandling {
    /// Hears the events of all types that have no handler of their own: ``CallContext/type`` says which it is. Unlike
    /// the handler of ``onUnknown(_:)``, this one can wait, and slows down a program that sends faster.
    ///
    /// A request of a type that nothing answers is heard like an event, and answered when the handlers have returned.
    @discardableResult
    public func onUnknownEvent(
        order: HandlerOrder = .concurrent,
        _ handler: @escaping @Sendable (Payload, CallContext) async -> Void
    ) -> Subscription {
        handlers.add(Handlers.unknownType, .waiting(order.arranging(handler)))
    }

    /// Answers the requests of all types that have no handler of their own, neither of requests nor of events:
    /// ``CallContext/type`` says which it is. The handler throws a ``CallFailure`` with
    /// ``CallError/Code/unknownType`` for what it does not know either.
    ///
    /// A handler set later, also by ``onUnknownStream(order:_:)``, replaces this one.
    @discardableResult
    public func onUnknownRequest(
        order: HandlerOrder = .concurrent,
        _ handler: @escaping @Sendable (Payload, CallContext) async throws -> OutgoingMessage?
    ) -> Subscription {
        handlers.set(Handlers.unknownType, .answering(order, handler))
    }

    /// Answers the requests of all types that have no handler of their own with many answers each: see
    /// ``onUnknownRequest(order:_:)``.
    @discardableResult
    public func onUnknownStream(
        order: HandlerOrder = .concurrent,
        _ handler: @escaping @Sendable (Payload, PayloadStream, CallContext) async throws -> Void
    ) -> Subscription {
        handlers.set(Handlers.unknownType, .streaming(order, handler))
    }
}

// MARK: Streams

extension CallHandling {
    /// Answers a type of requests with many answers each, by an ``AnswerStream``. The stream ends when the handler
    /// returns.
    @discardableResult
    public func on<Query, Element>(
        _ request: StreamRequest<Query, Element>, order: HandlerOrder = .concurrent,
        _ handler: @escaping @Sendable (Query, AnswerStream<Element>, CallContext) async throws -> Void
    ) -> Subscription {
        onStream(request.type, order: order) { payload, answers, context in
            try await handler(try payload.decode(Query.self), AnswerStream(call: answers.call), context)
        }
    }

    /// Answers a type of requests that is known only now with many answers each.
    ///
    /// - Parameters:
    ///   - type: as of ``onRequest(_:order:_:)``.
    ///   - order: whether requests of this type are handled at the same time.
    ///   - handler: makes the answers.
    @discardableResult
    public func onStream(
        _ type: String, order: HandlerOrder = .concurrent,
        _ handler: @escaping @Sendable (Payload, PayloadStream, CallContext) async throws -> Void
    ) -> Subscription {
        handlers.set(TypeName.checked(type), .streaming(order, handler))
    }
}

// MARK: Events

extension CallHandling {
    /// Hears a type of events. A type may have several handlers.
    ///
    /// An event whose content does not decode is told to ``onUnknown(_:)``.
    ///
    /// - Parameters:
    ///   - event: what is heard.
    ///   - order: whether events of this type are handled at the same time.
    ///   - handler: gets the content.
    @discardableResult
    public func on<Content>(
        _ event: Event<Content>, order: HandlerOrder = .concurrent,
        _ handler: @escaping @Sendable (Content, CallContext) async -> Void
    ) -> Subscription {
        onEvent(event.type, order: order) { payload, context in
            guard let content: Content = context.decode(payload) else { return }
            await handler(content, context)
        }
    }

    /// Hears a type of events without waiting for anything: quicker than a handler that could wait, since it needs no
    /// task.
    @discardableResult
    public func on<Content>(
        _ event: Event<Content>, _ handler: @escaping @Sendable (Content, CallContext) -> Void
    ) -> Subscription {
        onEvent(event.type) { payload, context in
            guard let content: Content = context.decode(payload) else { return }
            handler(content, context)
        }
    }

    /// Hears a type of events that is known only now.
    ///
    /// - Parameters:
    ///   - type: as of ``onRequest(_:order:_:)``.
    ///   - order: whether events of this type are handled at the same time.
    ///   - handler: gets the content.
    @discardableResult
    public func onEvent(
        _ type: String, order: HandlerOrder = .concurrent,
        _ handler: @escaping @Sendable (Payload, CallContext) async -> Void
    ) -> Subscription {
        handlers.add(TypeName.checked(type), .waiting(order.arranging(handler)))
    }

    /// Hears a type of events that is known only now, without waiting for anything.
    ///
    /// - Parameters:
    ///   - type: as of ``onRequest(_:order:_:)``.
    ///   - handler: gets the content.
    @discardableResult
    public func onEvent(
        _ type: String, _ handler: @escaping @Sendable (Payload, CallContext) -> Void
    ) -> Subscription {
        handlers.add(TypeName.checked(type), .direct(handler))
    }

    /// Hears of events that have no handler, or a content that their handler does not take; nil: they are dropped.
    public func onUnknown(_ handler: (@Sendable (_ type: String, _ payload: Payload, _ context: CallContext) -> Void)?)
    {
        handlers.setUnknown(handler)
    }
}

extension CallContext {
    /// The content of an event; nil where it is not what the handler takes, which is told.
    fileprivate func decode<Content: Decodable>(_ payload: Payload) -> Content? {
        do throws(CallError) {
            return try payload.decode(Content.self)
        } catch {
            line.handlers.unknown(type, payload, self)
            return nil
        }
    }
}

extension Handlers.RequestHandler {
    /// A handler that gives one answer.
    fileprivate static func answering(
        _ order: HandlerOrder, _ handler: @escaping @Sendable (Payload, CallContext) async throws -> OutgoingMessage?
    ) -> Self {
        .waiting(
            order.arranging { payload, call, context in
                do {
                    call.answer(try await handler(payload, context))
                } catch {
                    call.fail(error)
                }
            })
    }

    /// A handler that gives many.
    fileprivate static func streaming(
        _ order: HandlerOrder, _ handler: @escaping @Sendable (Payload, PayloadStream, CallContext) async throws -> Void
    ) -> Self {
        .waiting(
            order.arranging { payload, call, context in
                guard call.wantsMany else {
                    return call.fail(CallFailure(.manyAnswers, "\(call.type) answers with a stream: ask for one"))
                }
                do {
                    try await handler(payload, PayloadStream(call: call), context)
                    call.answer(nil)
                } catch {
                    call.fail(error)
                }
            })
    }
}

extension HandlerOrder {
    /// Makes a handler wait for its turn, where it is to run one at a time.
    fileprivate func arranging(
        _ handler: @escaping @Sendable (Payload, ServedCall, CallContext) async -> Void
    ) -> @Sendable (Payload, ServedCall, CallContext) async -> Void {
        if self == .concurrent { return handler }
        let turnstile = Turnstile()
        return { payload, call, context in await turnstile.pass { await handler(payload, call, context) } }
    }

    fileprivate func arranging(
        _ handler: @escaping @Sendable (Payload, CallContext) async -> Void
    ) -> @Sendable (Payload, CallContext) async -> Void {
        if self == .concurrent { return handler }
        let turnstile = Turnstile()
        return { payload, context in await turnstile.pass { await handler(payload, context) } }
    }
}
