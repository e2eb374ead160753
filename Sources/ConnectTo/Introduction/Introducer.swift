import DBus
import LinuxIO
import Ports

/// Carries out the caller's side of introductions. On the loop.
struct Introducer: Sendable {
    let connection: BusConnection
    let watch: OwnerWatch
    let identities: Identities
    /// Who the listener has to be.
    var expected: Admission?
    /// From the call to the answer of a listener that is there.
    let answerDeadline: Duration

    func introduce(
        _ introduction: PortIntroduction, to context: ContextName, wait policy: WaitPolicy, hello: Greeting,
        format: LineFormat = .messages
    ) async {
        guard let farEnd = introduction.farEnd else { return }
        var state = CallerIntroduction(to: context, policy: policy, format: format)
        let (owners, ownerAppears) = AsyncStream<DBusError?>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let patience = Patience(policy, on: connection.reactor) { ownerAppears.finish() }
        // Started with the first wait: a port that ends meanwhile is looked at again, for it may be pointless now.
        var portsEnd: Task<Void, Never>?
        defer {
            patience.end()
            portsEnd?.cancel()
        }
        var appearances = owners.makeAsyncIterator()
        var subscription: OwnerWatch.Subscription?

        var step = CallerIntroduction.Step.call
        while true {
            if introduction.isPointless { step = .fail(.givenUp) }
            switch step {
            case .subscribeAndCall:
                do throws(DBusError) {
                    subscription = try await watch.subscribe(.name(context.busName)) { event in
                        switch event {
                        case .changed(let change): if change.newOwner != nil { ownerAppears.yield(nil) }
                        // Calling again tells whether somebody has the name.
                        case .returned: ownerAppears.yield(nil)
                        case .lost(let error): ownerAppears.yield(error)
                        }
                    }
                    step = .call
                } catch {
                    step = state.didFail(error)
                }
            case .call:
                do throws(DBusError) {
                    let destination: String
                    let generation = await connection.generation
                    switch try await owner(
                        of: context, startingWithin: max(answerDeadline, patience.remaining))
                    {
                    case .anybody: destination = context.busName
                    case .expected(let peer): destination = peer.busName
                    case .unexpected(let peer):
                        step = state.didFind(unexpected: peer)
                        continue
                    }
                    let call = OutgoingCall(
                        destination: destination, path: context.objectPath, interface: ContextInterface.name,
                        member: ContextInterface.connect, body: [.unixFD(farEnd), hello.encoded])
                    let deadline = max(answerDeadline, patience.remaining)
                    let reply = try await connection.call(call, deadline: deadline, in: generation)
                    step = state.didReceiveWelcome(reply.body)
                } catch {
                    step = state.didFail(error)
                }
            case .awaitOwner:
                portsEnd =
                    portsEnd
                    ?? Task(executorPreference: connection.reactor.tasks) {
                        await introduction.ended()
                        ownerAppears.yield(nil)
                    }
                switch await appearances.next() {
                case .some(nil): step = .call
                case .some(let error?): step = state.didFail(error)
                case nil: step = state.didRunOutOfTime()
                }
            case .open, .fail, .breakOff:
                // Told before anything else is awaited: the program may be waiting for it.
                switch step {
                case .fail(let reason): introduction.didFail(reason)
                case .breakOff(let reason): introduction.breakOff(reason)
                default: introduction.didOpen()
                }
                if let subscription { await watch.unsubscribe(subscription) }
                return
            }
        }
    }
}

extension BusConnection {
    /// Calls over the connection that is known, or not at all: after a restart of the bus somebody else may have the
    /// unique name of whom was looked at before.
    fileprivate func call(
        _ call: OutgoingCall, deadline: Duration, in generation: UInt64
    ) async throws(DBusError) -> Reply {
        if generation != self.generation { throw .offline }
        return try await self.call(call, deadline: deadline)
    }
}

extension CloseReason {
    fileprivate static let givenUp = CloseReason(
        .cancelled, detail: "the port was closed before it was open, with nothing posted")
}

/// How long a caller waits for a name: a deadline and the timer for it.
private struct Patience: Sendable {
    private let deadline: SuspendingClock.Instant?
    private let timer: Reactor.Timer?

    init(_ policy: WaitPolicy, on reactor: Reactor, whenOver: @escaping @Sendable () -> Void) {
        switch policy {
        case .now:
            deadline = nil
            timer = nil
        case .untilAvailable(let duration):
            deadline = .now + duration
            timer = reactor.schedule(after: duration, whenOver)
        }
    }

    var remaining: Duration {
        deadline.map { max(.zero, SuspendingClock.Instant.now.duration(to: $0)) } ?? .zero
    }

    func end() {
        timer?.cancel()
    }
}
