import ConnectTo
import ConnectToLinux
import DequeModule
import Synchronization

/// One line of calls: the tables of ``CallsMade``, ``CallsServed`` and ``SendOrder``, a port, and the handlers.
///
/// All that arrives is handled on the port's loop. No handler runs there, unless the program wants that. The port's
/// queue is filled under this line's lock, so that what is sent goes out in the order of the tables.
final class CallLine: Sendable {
    struct State {
        var made = CallsMade<PendingCall>()
        var served: CallsServed<ServedCall>
        var order = SendOrder<Outgoing>()
        var window: ReceiveWindow
        var hello: Hello?
        /// What the port's queue has no room for; it goes before everything else. Answers and grants are bounded by
        /// what they give back, which is withheld until they leave; a stream waits until nothing is left here.
        var overflow: Deque<(message: OutgoingMessage, gives: GivenBack)> = []
        var isPumping = false
        var rest = LineRest()
        var lanes = Lanes()
        /// Where this side gives its end away: set with the port, or with why it has not got so far.
        var release: Latch<Result<MessagePort, CallError>>?
        /// The timer for the earliest deadline; nil where there is none.
        var timer: (deadline: SuspendingClock.Instant, timer: EventLoop.Timer)?
        var end: CloseReason?
        /// The messenger, which owns this line.
        weak var messenger: Messenger?
    }

    /// A request or event that waits to be sent.
    enum Outgoing: Sendable {
        case request(PendingCall)
        case event(OutgoingMessage)
    }

    /// What a message gives back to the other side, which counts from when it leaves: until then the other side cannot
    /// know of it, and one that reads nothing gets nothing back.
    enum GivenBack: Sendable {
        case nothing
        case place
        case bytes(UInt32)
    }

    let port: MessagePort
    let peer: Peer?
    /// The name that a hub has given the line.
    let peerID: String?
    let handlers: Handlers
    let arrivals = Arrivals()
    let options: MessengerOptions
    /// Whether the line is a lane of another one.
    let isLane: Bool
    /// Called once, when the line has ended, and before anything that waits for it.
    let onEnd: (@Sendable (CloseReason) -> Void)?
    /// Whether each change of the state may be the one that a release waits for.
    let isReleasing = Atomic(false)
    /// Whether handlers start on the port's loop, as soon as their messages are read.
    let servesOnLoop: Bool
    /// Set at the end of the line, which comes behind its last messages.
    let ended = Latch<CloseReason>()
    private let state: Lock<State>

    init(
        _ port: MessagePort, peer: Peer?, peerID: String?, handlers: Handlers, options: MessengerOptions,
        isLane: Bool = false, onEnd: (@Sendable (CloseReason) -> Void)? = nil
    ) {
        self.port = port
        self.peer = peer
        self.peerID = peerID
        self.handlers = handlers
        self.options = options
        self.isLane = isLane
        self.onEnd = onEnd
        servesOnLoop = options.executor.map { $0 === port.eventLoop.executor } ?? false
        state = Lock(
            State(
                served: CallsServed(places: options.offeredPlaces), window: ReceiveWindow(size: options.offeredWindow)))
        // Here, and not at the start: nothing can be sent before it, whoever finds the line in a table meanwhile.
        reply(hello)
    }

    /// Begins to take what arrives.
    func start() {
        port.onClose { [self] reason in end(reason) }
        port.onFinish { [self] in
            end(CloseReason(.closed, detail: "the other program has finished, and answers nothing any more"))
            port.close()
        }
        port.onMessageError { [self] message in breakOff(ProtocolViolation("a message of \(message.kind)")) }
        port.onMessage { [self] message in receive(message) }
    }

    /// What this side offers, as the first message to each owner of the other end.
    var hello: OutgoingMessage {
        let hello = Hello(places: options.offeredPlaces, window: options.offeredWindow, features: options.features)
        return Envelope(operation: .hello(hello)).message()
    }

    func withState<Result>(_ body: (inout sending State) -> sending Result) -> sending Result {
        defer { if isReleasing.load(ordering: .relaxed) { releaseIfDue() } }
        return state.withLock(body)
    }

    /// The same, for a release itself.
    func withStateInRelease<Result>(_ body: (inout sending State) -> sending Result) -> sending Result {
        state.withLock(body)
    }

    var closeReason: CloseReason? { withState(\.end) }

    var messenger: Messenger? {
        get { withState(\.messenger) }
        set { withState { $0.messenger = newValue } }
    }

    // MARK: Sending

    /// Sends an answer, an element, a cancel or a grant, which never waits behind requests and events.
    func reply(_ message: OutgoingMessage) {
        withState { _ = $0.reply(message, on: self) }
    }

    /// Posts what the port had no room for, as it gets some.
    private func pump() async {
        while let message = withState({ $0.leaving() }) {
            do {
                try await port.send(message)
            } catch {
                // The port's own end tells everyone by itself.
                if !error.isEndOfPort { giveUp(error) }
                break
            }
            withState { state in
                if !state.overflow.isEmpty { state.overflow.removeFirst() }
            }
        }
        let streams = withState { state in
            state.isPumping = false
            state.sendWaiting(on: self)
            return state.overflow.isEmpty ? Array(state.served.handlers) : []
        }
        for call in streams { call.resume() }
    }

    fileprivate func startPumping() {
        Task { await pump() }
    }

    // MARK: Ending

    /// The peer has broken a rule.
    func breakOff(_ violation: ProtocolViolation) {
        end(CloseReason(.protocolError, detail: "the peer broke the protocol of calls: \(violation.rule)"))
        port.abort()
    }

    /// Something that waited cannot be sent any more, such as a file that the program has closed meanwhile. What was
    /// promised to the other side cannot be kept then, and saying nothing would lose it in silence.
    func giveUp(_ refusal: PortError) {
        end(CloseReason(.closed, detail: "this program closed the line: \(refusal.message)"))
        port.close()
    }

    /// The program wants no more.
    func close() {
        end(CloseReason(.closed, detail: "this program closed the messenger"))
        // After a release the port belongs to somebody else.
        if closeReason?.code != .transferred { port.close() }
    }

    private struct Ended {
        var sent: [PendingCall]
        var waiting: [Outgoing]
        var handlers: [ServedCall]
        var release: Latch<Result<MessagePort, CallError>>?
        var lanes: [CallLine]
    }

    /// The line is over: everything that waits ends with its reason.
    func end(_ reason: CloseReason) {
        let ended: Ended? = withState { state in
            guard state.end == nil else { return nil }
            state.end = reason
            state.overflow = []
            return Ended(
                sent: state.made.end(), waiting: state.order.end(), handlers: state.served.end(),
                release: state.release, lanes: state.lanes.all)
        }
        guard let ended else { return }
        onEnd?(reason)
        ended.release?.set(.failure(.lineEnded(reason, .waiting)))
        var callers = ended.sent.map { $0.settle(.failed(.lineEnded(reason, .sent))) }
        for case .request(let call) in ended.waiting {
            callers.append(call.settle(.failed(.lineEnded(reason, .waiting))))
        }
        // In between: requests of these handlers have ended with the line, and not because they are cancelled; and a
        // program that hears of the end from its caller finds them cancelled.
        for call in ended.handlers { call.lineEnded() }
        for goOn in callers { goOn() }
        self.ended.set(reason)
        arrivals.end()
        endLanes(ended.lanes, reason)
    }
}

extension CallLine.State {
    /// Whether requests and events go out now, rather than wait.
    var maySend: Bool { overflow.isEmpty && !rest.isHeld }

    @discardableResult
    mutating func reply(
        _ message: OutgoingMessage, giving gives: CallLine.GivenBack = .nothing, on line: CallLine
    ) -> PortError? {
        if end != nil { return nil }
        return post(message, giving: gives, on: line)
    }

    /// Posts at once, or behind what the port has no room for.
    ///
    /// - Returns: why the port does not take the message, though it goes on: one that is too long, or brings something
    ///   that cannot be transferred. Then nothing was sent.
    @discardableResult
    mutating func post(
        _ message: OutgoingMessage, giving gives: CallLine.GivenBack = .nothing, on line: CallLine
    ) -> PortError? {
        if overflow.isEmpty {
            do {
                try line.port.postMessage(message)
                return nil
            } catch {
                if error.isEndOfPort { return nil }
                if error.code != .queueFull { return error }
            }
        }
        overflow.append((message, gives))
        withhold(gives, 1)
        if isPumping { return nil }
        isPumping = true
        line.startPumping()
        return nil
    }

    /// The next message that the port is to take; nil ends the pumping. What it gives back counts from now on, since
    /// the answer to it may come before the port says that it has gone.
    mutating func leaving() -> OutgoingMessage? {
        guard let (message, gives) = overflow.first else {
            isPumping = false
            return nil
        }
        withhold(gives, -1)
        overflow[0].gives = .nothing
        return message
    }

    private mutating func withhold(_ gives: CallLine.GivenBack, _ sign: Int) {
        switch gives {
        case .nothing: break
        case .place: served.withheldPlaces += sign
        case .bytes(let count): window.withheld += sign * Int(count)
        }
    }

    /// Sends the requests and events whose turn it is.
    mutating func sendWaiting(on line: CallLine) {
        sendLane(on: line)
        while maySend, let item = order.next(places: made.places) { send(item, on: line) }
    }

    mutating func send(_ item: CallLine.Outgoing, on line: CallLine) {
        switch item {
        case .event(let message):
            guard let refusal = post(usable(message, on: line), on: line) else { return }
            line.port.eventLoop.execute { line.giveUp(refusal) }
        case .request(let call):
            let id = made.begin(call, wantsMany: call.wantsMany)
            call.place = .sent(id: id)
            let operation = Envelope.Operation.request(
                id: id, type: call.type, remaining: call.remaining, wantsMany: call.wantsMany)
            let compressed = usable(call.compressed, on: line)
            let envelope = Envelope(operation: operation)
            guard let refusal = post(envelope.message(call.payload, compressed: compressed), on: line) else { return }
            made.takeBack(id)
            order.giveBack(envelope.cost(call.payload))
            call.place = .givenUp
            // Not here: the caller may do anything when it goes on, and this is under the line's lock.
            line.port.eventLoop.execute { call.end(.failed(.refused(refusal))) }
        }
    }
}

extension PendingCall {
    /// The milliseconds that are left, rounded up; 0 where there is no deadline.
    fileprivate var remaining: UInt32 {
        guard let deadline else { return 0 }
        let left = SuspendingClock.now.duration(to: deadline).components
        let milliseconds = left.seconds * 1_000 + (left.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return UInt32(min(max(1, milliseconds), Int64(UInt32.max)))
    }
}

extension Envelope {
    /// The message that this envelope begins.
    ///
    /// - Parameter compressed: the payload's compressed form, which is sent in its place.
    func message(_ payload: OutgoingMessage? = nil, compressed: [UInt8]? = nil) -> OutgoingMessage {
        guard let payload else { return .bytes(encoded()) }
        var envelope = self
        envelope.body =
            switch payload.kind {
            case .text: .text
            case .json: .json
            default: .bytes
            }
        if let compressed {
            envelope.isCompressed = true
            return .bytes(compressed.withUnsafeBytes { envelope.encoded(body: $0) }, transfer: payload.transfer)
        }
        return .bytes(payload.withUnsafeBytes { envelope.encoded(body: $0) }, transfer: payload.transfer)
    }

    /// How many bytes of the receiver's window the message takes: what it expands to, where it is compressed.
    func cost(_ payload: OutgoingMessage?) -> Int {
        SendOrder<Void>.cost(length: length + (payload?.count ?? 0), transferredCount: payload?.transfer.count ?? 0)
    }
}

extension PortError {
    /// Whether the port takes nothing any more, which it tells by itself.
    fileprivate var isEndOfPort: Bool { code == .closed || code == .finished }
}

extension CallError {
    /// The port does not take a message, though it goes on.
    static func refused(_ refusal: PortError) -> CallError {
        CallError(.notEncodable, refusal.message, stage: .waiting, cause: refusal)
    }

    static func lineEnded(_ reason: CloseReason, _ stage: Stage) -> CallError {
        CallError(.lineEnded, "the line has ended: \(reason)", stage: stage, reason: reason)
    }
}
