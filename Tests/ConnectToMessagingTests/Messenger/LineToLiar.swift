import ConnectTo
import ConnectToMessaging
import Testing

/// A messenger whose peer is a plain port, which can send what it likes; and beside it a line between two messengers
/// with the same handlers, which must notice nothing.
struct LineToLiar {
    let messenger: Messenger
    let liar: MessagePort
    /// Opens when the program is to leave its stream.
    let over = Gate()
    private let handlers = Handlers()
    private let neighbours: (near: Messenger, far: Messenger)

    /// - Parameter handle: sets the handlers of the messenger, beside those for `echo`, and for `wait`, which waits
    ///   until it is cancelled.
    init(
        places: Int = 4, window: Int = 65_536, queuedEvents: Int = 1 << 20, handle: (Handlers) -> Void = { _ in }
    ) throws {
        var options = MessengerOptions()
        options.places = places
        options.window = window
        options.queuedEvents = queuedEvents
        handlers.onRequest("echo") { payload, _ in .bytes(payload.bytes) }
        handlers.onRequest("wait") { _, _ in
            try await Task.sleep(for: .seconds(1_000))
            return nil
        }
        handle(handlers)
        let (near, far) = try MessageChannel.makePair()
        messenger = Messenger(near, handlers: handlers, options: options)
        liar = far
        let pair = try MessageChannel.makePair()
        neighbours = (Messenger(pair.0, handlers: handlers), Messenger(pair.1, handlers: handlers))
    }

    func post(_ envelope: RawEnvelope) throws { try liar.postMessage(envelope.message) }

    /// Lets the program ask the liar, as its request 1.
    func ask(_ asking: BrokenRule.Asking) -> Task<Void, Never>? {
        switch asking {
        case .nothing: nil
        case .oneAnswer: Task { [messenger] in _ = try? await messenger.request("question", within: .seconds(30)) }
        case .manyAnswers:
            Task { [messenger, over] in
                // It takes the first element and no more, so that it grants none.
                guard var answers = try? messenger.stream("questions").makeAsyncIterator() else { return }
                _ = try? await answers.next()
                await over.wait()
            }
        }
    }

    /// Waits for the first message of an operation, and of a request, that the messenger sends to the liar.
    @discardableResult
    func next(_ operations: UInt8..., id: UInt64? = nil) async throws -> [UInt8] {
        let message = try await liar.messages.first { message in
            operations.contains(message.bytes[0])
                && (id == nil || message.bytes[8..<16].elementsEqual(RawEnvelope(operation: 0, id: id!).bytes[8..<16]))
        }
        return try #require(message, "the line has ended: \(String(describing: messenger.closeReason))").bytes
    }

    /// The line of the neighbours, which has the same handlers, works as before.
    func expectUnharmed() async throws {
        #expect(try await neighbours.near.request("echo", .bytes([1, 2, 3])).bytes == [1, 2, 3])
        #expect(try await neighbours.far.request("echo", .bytes([4])).bytes == [4])
    }
}
