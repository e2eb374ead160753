import ConnectTo
import ConnectToLinux
import DequeModule

/// What the peers of a hub have answered to one request, as it comes: see ``Hub/gather(_:_:except:within:)-(Request<Query,Answer>,_,_,_)``.
public struct HubAnswers<Answer: Decodable & Sendable>: AsyncSequence, Sendable {
    public typealias Element = (peer: HubPeer, result: Result<Answer, CallError>)
    public typealias Failure = Never

    let payloads: HubPayloads

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(payloads: payloads.makeAsyncIterator())
    }

    /// Asks when the first answer is taken.
    public struct AsyncIterator: AsyncIteratorProtocol {
        var payloads: HubPayloads.AsyncIterator

        /// The next answer; nil once every peer has given its result.
        public mutating func next() async -> Element? { await next(isolation: nil) }

        /// The same, without leaving the actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> Element? {
            guard let (peer, result) = await payloads.next(isolation: actor) else { return nil }
            return (peer, result.flatMap { payload in Result { () throws(CallError) in try payload.decode() } })
        }
    }
}

/// What the peers of a hub have answered to one request of a type that is known only now.
public struct HubPayloads: AsyncSequence, Sendable {
    public typealias Element = (peer: HubPeer, result: Result<Payload, CallError>)
    public typealias Failure = Never

    let table: HubTable
    let type: String
    let payload: OutgoingMessage?
    let except: String?
    let limit: Duration?

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(request: self)
    }

    /// Asks when the first answer is taken.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let request: HubPayloads
        private var gathering: Gathering?

        init(request: HubPayloads) {
            self.request = request
        }

        /// The next answer; nil once every peer has given its result.
        public mutating func next() async -> Element? { await next(isolation: nil) }

        /// The same, without leaving the actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> Element? {
            let isFirst = gathering == nil
            let gathering = self.gathering ?? Gathering(request)
            self.gathering = gathering
            return await withTaskCancellationHandler {
                if isFirst { gathering.start() }
                return await gathering.next()
            } onCancel: {
                gathering.giveUp("the task that waited for the answers to \(gathering.type) was cancelled")
            }
        }
    }
}

/// The requests of one gathering, and the answers that were not taken yet. No task waits for any of them: the end of
/// each is put here by the loop of its line.
private final class Gathering: Sendable {
    private struct State {
        var ended: Deque<(HubPeer, PendingCall.Progress)> = []
        /// How many results have not been taken.
        var left: Int
        var waiter: UnsafeContinuation<Void, Never>?
    }

    let type: String
    private let spokes: [HubTable.Spoke]
    private let state: Lock<State>
    private let calls: Lock<[PendingCall]>

    init(_ request: HubPayloads) {
        type = request.type
        spokes = request.table.spokes.filter { $0.peer.id != request.except }
        state = Lock(State(left: spokes.count))
        calls = Lock([])
        let deadline = Messenger.deadline(request.limit)
        let calls = spokes.map { spoke in
            PendingCall(type: type, payload: request.payload, wantsMany: false, deadline: deadline) {
                [weak self] end in self?.receive(spoke.peer, end)
            }
        }
        self.calls.withLock { $0 = calls }
    }

    deinit {
        giveUp("the loop over the answers to \(type) was left")
    }

    func start() {
        CallContext.current?.call?.givePlaceBack()
        for (spoke, call) in zip(spokes, calls.withLock(\.self)) { spoke.line.line.start(call) }
    }

    /// Does nothing for those that have ended.
    func giveUp(_ message: String) {
        for (spoke, call) in zip(spokes, calls.withLock(\.self)) { spoke.line.line.giveUp(call, .cancelled, message) }
    }

    private func receive(_ peer: HubPeer, _ end: PendingCall.Progress) {
        let waiter = state.withLock { state in
            state.ended.append((peer, end))
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    func next() async -> HubPayloads.Element? {
        while true {
            let (end, isOver) = state.withLock { state in
                let end = state.ended.popFirst()
                if end != nil { state.left -= 1 }
                return (end, state.left == 0)
            }
            switch end {
            case (let peer, .result(let payload))?, (let peer, .element(let payload))?: return (peer, .success(payload))
            case (let peer, .failed(let error))?: return (peer, .failure(error))
            case nil: if isOver { return nil }
            }
            await withUnsafeContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard state.ended.isEmpty else { return false }
                    state.waiter = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        }
    }
}
