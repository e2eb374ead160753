import ConnectToDBus
import ConnectToLinux
import ConnectToPorts

/// Carries out the caller's side of one introduction. On the loop.
///
/// Mostly the introduction needs one call, and no task. A task goes on where there is something to wait for.
struct Introducer: Sendable {
    /// Held until the introduction is over: a program may keep only the port.
    let bus: Bus
    let context: ContextName
    let options: ConnectOptions
    var format = LineFormat.messages
    /// How long a listener that owns the name may take to answer, for a caller that does not wait.
    let answerDeadline: Duration

    private var connection: BusConnection { bus.connection }

    /// Begins; the introduction gets the outcome.
    func introduce(_ introduction: some Introduction) {
        guard let farEnd = introduction.farEnd else { return }
        let state = CallerIntroduction(to: context, policy: options.wait, format: format)
        let patience = Patience(options.wait, answer: answerDeadline)
        if introduction.isPointless || options.expected != nil {
            return goOn(with: introduction, state, from: .call, patience)
        }
        let call = call(context.busName, farEnd)
        connection.assumeIsolated {
            $0.call(call, deadline: patience.forAnswer) { result in
                var state = state
                let step = state.didReceive(result)
                if !introduction.report(step) { goOn(with: introduction, state, from: step, patience) }
            }
        }
    }

    private func call(_ destination: String, _ farEnd: Descriptor) -> OutgoingCall {
        let hello = Greeting(
            context: bus.registry.assumeIsolated { $0.callingName }, metadata: options.metadata,
            format: format)
        return OutgoingCall(
            destination: destination, path: context.objectPath, interface: ContextInterface.name,
            member: ContextInterface.connect, body: [.unixFD(farEnd), hello.encoded])
    }

    // MARK: Waiting

    private func goOn(
        with introduction: some Introduction, _ state: CallerIntroduction,
        from step: CallerIntroduction.Step, _ patience: Patience
    ) {
        Task(executorPreference: connection.reactor.tasks) {
            await goOn(with: introduction, state, from: step, patience)
        }
    }

    private func goOn(
        with introduction: some Introduction, _ state: CallerIntroduction,
        from step: CallerIntroduction.Step, _ patience: Patience
    ) async {
        guard let farEnd = introduction.farEnd else { return }
        var (state, step) = (state, step)
        let (owners, ownerAppears) = AsyncStream<DBusError?>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let timer = patience.whenOver(on: connection.reactor) { ownerAppears.finish() }
        // Started with the first wait: if the port ends meanwhile, the loop below looks again whether the
        // introduction is pointless.
        var portsEnd: Task<Void, Never>?
        defer {
            timer.cancel()
            portsEnd?.cancel()
        }
        var appearances = owners.makeAsyncIterator()
        var subscription: OwnerWatch.Subscription?
        while true {
            if introduction.isPointless { step = .fail(.givenUp) }
            switch step {
            case .subscribeAndCall:
                do throws(DBusError) {
                    subscription = try await bus.watch.subscribe(.name(context.busName)) { event in
                        switch event {
                        case .changed(let change): if change.newOwner != nil { ownerAppears.yield(nil) }
                        // Calling again tells whether the name has an owner.
                        case .returned: ownerAppears.yield(nil)
                        case .lost(let error): ownerAppears.yield(error)
                        }
                    }
                    step = .call
                } catch {
                    step = state.didFail(error)
                }
            case .call: step = await callOnce(farEnd, &state, patience)
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
            case .lookForOwner: step = state.didLook(isOwned: await isOwned())
            case .open, .fail, .breakOff:
                // The outcome comes before anything else is awaited: the program may be waiting for it.
                _ = introduction.report(step)
                if let subscription { await bus.watch.unsubscribe(subscription) }
                return
            }
        }
    }

    /// A second at most: the caller has waited already, and the answer only makes the reason clearer.
    private func isOwned() async -> Bool? {
        let deadline = min(answerDeadline, .seconds(1))
        do throws(DBusError) {
            return try await bus.identities.owner(of: context.busName, within: deadline) != nil
        } catch {
            return nil
        }
    }

    /// Calls the expected owner, or any owner of the name where none is expected.
    private func callOnce(
        _ farEnd: Descriptor, _ state: inout CallerIntroduction, _ patience: Patience
    ) async -> CallerIntroduction.Step {
        let generation = await connection.generation
        do throws(DBusError) {
            let destination: String
            switch try await owner(startingWithin: patience.forAnswer) {
            case .any: destination = context.busName
            case .expected(let peer): destination = peer.busName
            case .unexpected(let peer): return state.didFind(unexpected: peer)
            }
            let reply = try await connection.call(
                call(destination, farEnd), deadline: patience.forAnswer, in: generation)
            return state.didReceive(.success(reply))
        } catch {
            return state.didFail(error)
        }
    }
}

extension Introduction {
    /// Passes the outcome on, if the step is one.
    fileprivate func report(_ step: CallerIntroduction.Step) -> Bool {
        switch step {
        case .open(let isPartial): didOpen(isPartial: isPartial)
        case .fail(let reason): failUnlessOpen(reason)
        case .breakOff(let reason): fail(reason)
        case .call, .subscribeAndCall, .awaitOwner, .lookForOwner: return false
        }
        return true
    }
}

extension BusConnection {
    /// Calls over the connection on which the owner was looked at, or not at all: after a restart of the bus, the
    /// owner's unique name may belong to another connection.
    fileprivate func call(
        _ call: OutgoingCall, deadline: Duration, in generation: UInt64
    ) async throws(DBusError) -> Reply {
        if generation != self.generation { throw .offline }
        return try await self.call(call, deadline: deadline)
    }
}

extension CloseReason {
    fileprivate static let givenUp = CloseReason(
        .cancelled, detail: "this program closed the port before it was open, and had posted nothing")
}

/// How long a caller waits: for an owner of the name and for the answer, together. Without a wait, the answer has a
/// time of its own: with none, no listener could answer.
private struct Patience: Sendable {
    private let deadline: SuspendingClock.Instant?
    private let answer: Duration

    init(_ policy: WaitPolicy, answer: Duration) {
        self.answer = answer
        deadline = policy.patience.map { .now + $0 }
    }

    private var remaining: Duration? {
        deadline.map { max(.zero, SuspendingClock.Instant.now.duration(to: $0)) }
    }

    /// The least time for a listener that appears before the wait is over, but late: the machine may be busy, or this
    /// process may have been stopped meanwhile.
    private static let leastForAnswer = Duration.seconds(1)

    /// The time for the answer of a listener that is called now. It includes the time that the bus takes to start the
    /// listener.
    var forAnswer: Duration { remaining.map { max($0, min(answer, Self.leastForAnswer)) } ?? answer }

    func whenOver(on reactor: Reactor, _ call: @escaping @Sendable () -> Void) -> Reactor.Timer {
        reactor.scheduleDeadline(after: remaining ?? .zero, call)
    }
}
