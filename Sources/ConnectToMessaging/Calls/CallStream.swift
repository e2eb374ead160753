import ConnectTo

/// The answers of a request for many: see ``Messenger/stream(_:_:to:within:)->CallStream<Element>``.
public struct CallStream<Element: Decodable & Sendable>: AsyncSequence, Sendable {
    public typealias Failure = CallError

    let payloads: CallPayloads

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(payloads: payloads.makeAsyncIterator())
    }

    /// Sends the request when the first element is taken.
    public struct AsyncIterator: AsyncIteratorProtocol {
        var payloads: CallPayloads.AsyncIterator

        /// The next answer; nil behind the last one.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(CallError) -> Element? {
            try await payloads.next(isolation: actor)?.decode(Element.self)
        }
    }
}

/// The answers of a request for many, of a type that is known only now.
public struct CallPayloads: AsyncSequence, Sendable {
    public typealias Element = Payload
    public typealias Failure = CallError

    let line: CallLine
    let type: String
    let payload: OutgoingMessage?
    let limit: Duration?

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(
            hold: Hold(
                line: line,
                call: PendingCall(
                    type: type, payload: payload, compressed: line.compressed(payload), wantsMany: true,
                    deadline: Messenger.deadline(limit))))
    }

    /// Gives the request up when the loop is left.
    final class Hold: Sendable {
        let line: CallLine
        let call: PendingCall

        init(line: CallLine, call: PendingCall) {
            self.line = line
            self.call = call
        }

        deinit {
            line.giveUp(call, .cancelled, "the loop over \(call.type) was left")
        }
    }

    /// Sends the request when the first element is taken.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let hold: Hold
        private var hasStarted = false
        private var hasEnded = false
        private var taken: UInt32 = 0

        init(hold: Hold) {
            self.hold = hold
        }

        /// The next answer; nil behind the last one.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(CallError) -> Payload? {
            if hasEnded { return nil }
            if !hasStarted { CallContext.current?.call?.givePlaceBack() }
            defer { hasStarted = true }
            switch await hold.line.next(of: hold.call, isFirst: !hasStarted) {
            case .element(let payload):
                taken += 1
                if taken == CallsMade<Void>.firstElements / 2 {
                    hold.line.grantElements(taken, to: hold.call)
                    taken = 0
                }
                return payload
            case .result(let payload):
                hasEnded = true
                return payload.kind == nil ? nil : payload
            case .failed(let error):
                hasEnded = true
                throw error
            }
        }
    }
}
