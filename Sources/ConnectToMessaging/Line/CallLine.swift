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
        /// Requests that were given up, and whose senders want to know when the other side is done with them.
        var late: [UInt64: PendingCall] = [:]
        var served: CallsServed<ServedCall>
        var order = SendOrder<Outgoing>()
        var window: ReceiveWindow
        var hello: Hello?
        /// Whether this side has said hello. Until then all that it wants to send waits.
        var isStarted = false
        /// What the port's queue has no room for; it goes before everything else. Answers and grants are bounded by
        /// what they give back, which is withheld until they leave; a stream waits until nothing is left here.
        var overflow: Deque<(message: OutgoingMessage, gives: GivenBack)> = []
        var isPumping = false
        var rest = LineRest()
        var lanes = Lanes()
        /// Where this side gives its end away: set with the port, or with why it has not got so far.
        var release: Latch<Result<MessagePort, CallError>>?
        /// The earliest deadline, or one before it, and its timer; nil where there is none.
        var armed: Deadline?
        var timer: EventLoop.Timer?
        var end: CloseReason? {
            didSet { isOver = true }
        }
        /// Whether there is an ``end``: asked for each message, which a copy of the reason would take longer for.
        private(set) var isOver = false
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
    /// Set when the other side's hello has arrived, with nil, or at the end of the line before that.
    let opened = Latch<CloseReason?>()
    /// Set at the end of the line, which comes behind its last messages.
    let ended = Latch<CloseReason>()
    /// Set when the line has ended and no handler that it has started runs any more.
    let handled = Latch<Void>()
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
    }

    /// Says hello, and begins to take what arrives. Nothing is sent before, whoever finds the line in a table meanwhile.
    /// A second call does nothing.
    func start() {
        let isFirst = withState { state in
            if state.isStarted { return false }
            state.isStarted = true
            _ = state.reply(hello, on: self)
            state.sendWaiting(on: self)
            return true
        }
        guard isFirst else { return }
        port.onClose { [self] reason in end(reason) }
        port.onFinish { [self] in
            end(CloseReason(.closed, detail: "the other program has finished, and answers nothing any more"))
            port.close()
        }
        port.onMessageError { [self] message in breakOff(ProtocolViolation("a message of \(message.kind)")) }
        port.onMessage { [self] message in receive(message) }
    }

    /// What this side offers, as the first message to each owner of the other end.
    var hello: Envelope.Operation {
        .hello(Hello(places: options.offeredPlaces, window: options.offeredWindow, features: options.features))
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
        var callers: [PendingCall.Wakeup]
        var handlers: [ServedCall]
        var release: Latch<Result<MessagePort, CallError>>?
        var lanes: [CallLine]
    }

    /// The line is over: everything that waits ends with its reason.
    func end(_ reason: CloseReason) {
        let ended: Ended? = withState { state in
            guard state.end == nil else { return nil }
            state.end = reason
            state.disarm()
            state.overflow = []
            var callers = state.made.end().map { $0.end(.failed(.lineEnded(reason, .sent))) }
            for case .request(let call) in state.order.end() {
                callers.append(call.end(.failed(.lineEnded(reason, .waiting))))
            }
            callers += state.late.values.map { $0.endLate() }
            state.late = [:]
            return Ended(
                callers: callers, handlers: state.served.end(), release: state.release, lanes: state.lanes.all)
        }
        guard let ended else { return }
        onEnd?(reason)
        ended.release?.set(.failure(.lineEnded(reason, .waiting)))
        // In between: requests of these handlers have ended with the line, and not because they are cancelled; and a
        // program that hears of the end from its caller finds them cancelled.
        for call in ended.handlers { call.lineEnded() }
        for wakeUp in ended.callers { wakeUp() }
        opened.set(reason)
        self.ended.set(reason)
        for share in arrivals.end() { taken(share) }
        noteHandled()
        endLanes(ended.lanes, reason)
    }
}
