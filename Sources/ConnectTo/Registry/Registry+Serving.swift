import ConnectToDBus
import ConnectToLinux
import ConnectToPorts
import Glibc
import Logging

/// How callers are served: learn who they are, decide whether they are admitted, deliver their connect event.
extension Registry {
    /// - Returns: whether the call is for an object of this registry.
    func didReceive(_ call: MethodCall) -> Bool {
        guard let registration = registration(at: call.path) else { return describeNode(call) }
        serve(call, by: registration)
        return true
    }

    private func serve(_ call: MethodCall, by registration: Registration) {
        switch ContextObject.answer(call, for: registration) {
        case .reply(let body):
            connection.assumeIsolated { $0.reply(to: call, body) }
        case .error(let name, let message):
            connection.assumeIsolated { $0.replyError(to: call, name: name, message: message) }
        case .describe:
            // The path of one context can be the beginning of another's.
            let description = ContextObject.introspection(
                of: ContextObject.Interface.allCases, nodes: nodes(below: call.path))
            connection.assumeIsolated { $0.reply(to: call, [.string(description)]) }
        case .tellStatus:
            forOwnUser(call) { $0.reply(to: call, [registration.statistics.encoded]) }
        case .tap(let line):
            guard !DescriptorReserve.contains(line.descriptor.rawValue) else { return tellBusy(call) }
            let tap = registration.activity.tap
            forOwnUser(call) { [loop, log, limits] connection in
                guard let tap else {
                    return connection.replyError(
                        to: call, name: ContextInterface.refused,
                        message: "the context is not tappable")
                }
                let port = MessagePort(adopting: line, on: loop, limits: limits.ports)
                guard tap.add(port) else {
                    return connection.replyError(
                        to: call, name: ContextInterface.busy, message: "its limit of observers is reached")
                }
                log.debug(
                    "tapped",
                    metadata: ["name": "\(registration.context.busName)", "peer": "\(call.sender)"])
                connection.reply(to: call, [.dictionary(key: "s", value: "v", [])])
            }
        case .admit(let line, let hello):
            guard !DescriptorReserve.contains(line.descriptor.rawValue),
                let share = callers.hold(hello.metadata.memory)
            else { return refuseAsBusy(call) }
            let caller = Caller(call, line, hello, registration, share)
            let isAsking = identify(call.sender) { $0.didIdentify(caller, $1) }
            if !isAsking { refuseAsBusy(call) }
        }
    }

    /// Learns which peer has made a call: at once where the peer is remembered, else from the bus.
    /// - Returns: false where too many callers wait for the bus already; then the completion is not called.
    private func identify(
        _ sender: String,
        _ completion: @escaping @Sendable (isolated Registry, Result<Peer, DBusError>) -> Void
    ) -> Bool {
        if let peer = identities.assumeIsolated({ $0.remembered(sender) }) {
            completion(self, .success(peer))
            return true
        }
        return identities.assumeIsolated {
            guard $0.hasRoom(for: sender) else { return false }
            $0.identify(sender) { [self] peer in assumeIsolated { completion($0, peer) } }
            return true
        }
    }

    /// Refuses a call before its body is looked at: where its sender is known and has no introductions left, or is
    /// not known yet and too many calls wait for that. In a flood this is all that happens, and even less where the
    /// caller expects no reply.
    func hasTurnedAway(_ call: MethodCall) -> Bool {
        guard call.member == ContextInterface.connect, let registration = registration(at: call.path) else {
            return false
        }
        if let peer = identities.assumeIsolated({ $0.known(call.sender) }) {
            guard let uid = peer.uid, let recovery = callers.recovery(uid, peer.account) else { return false }
            exhausted.add(call, registration.activity, until: recovery)
        } else if identities.assumeIsolated({ $0.hasRoom(for: call.sender) }) {
            return false
        }
        refuseAsBusy(call)
        return true
    }

    /// Without a task for each caller: tasks may overtake one another, and callers are to be served in order.
    private func didIdentify(_ caller: Caller, _ answer: Result<Peer, DBusError>) {
        let call = caller.call
        guard case .success(let peer) = answer, let uid = peer.uid else {
            return refuse(call, ContextInterface.refused, "the bus did not say which program is calling")
        }
        var caller = caller
        do throws(Callers.Refusal) {
            let lease = try callers.enter(uid, peer.account, size: caller.metadata.memory)
            caller.line = StreamSocket(caller.line.descriptor, lease: lease)
            caller.budget = lease.budget
        } catch {
            log.debug("refused", metadata: facts(caller, peer, "\(error)"))
            return refuseAsBusy(call)
        }
        let verdict = caller.registration.admission.rule.verdictAtOnce(on: peer)
        if verdict == .no || verdict == .unknown { return decide(caller, peer, .notAdmitted) }
        if verdict == .yes, caller.claimedContext == nil, caller.registration.screening == nil,
            waiting[call.sender] == nil
        {
            return decide(caller, peer, .admitted)
        }
        ask(about: caller, peer)
    }

    /// What happens to a caller.
    private enum Outcome: Sendable {
        case admitted
        /// Refused by the rule, which the caller does not learn.
        case notAdmitted
        /// Refused by the program, with a reason.
        case refused(String)
    }

    /// Asks the bus, the kernel or the program, as the rule, the screening or the caller's claim requires.
    private func ask(about caller: Caller, _ peer: Peer) {
        let sender = caller.call.sender
        let before = waiting[sender]?.last
        waiting[sender, default: Waiting()].count += 1
        waiting[sender]?.last = Task(executorPreference: loop.reactor.tasks) { [self, caller] in
            var peer = peer
            if let claimed = caller.claimedContext {
                peer.claimedContext = claimed
                if (try? await identities.owner(of: claimed.busName)) == sender { peer.context = claimed }
            }
            let outcome = await outcome(for: caller, peer)
            await before?.value
            await didAsk(about: caller, peer, outcome)
        }
    }

    /// Asks the program last, and only about callers that nothing else refuses.
    private func outcome(for caller: Caller, _ peer: Peer) async -> Outcome {
        let registration = caller.registration
        guard await registration.admission.admits(peer, asking: identities) else { return .notAdmitted }
        guard let screening = registration.screening, caller.format == registration.format else { return .admitted }
        let decision = await screening.decision(on: .init(peer: peer, metadata: caller.metadata))
        return decision.carriableReason.map(Outcome.refused) ?? .admitted
    }

    private func didAsk(about caller: Caller, _ peer: Peer, _ outcome: Outcome) {
        let sender = caller.call.sender
        waiting[sender]?.count -= 1
        if waiting[sender]?.count == 0 { waiting[sender] = nil }
        decide(caller, peer, outcome)
    }

    /// A caller that the rule refuses learns that and what the program says to it, and not the rule: it only goes to
    /// the log.
    private func decide(_ caller: Caller, _ peer: Peer, _ outcome: Outcome) {
        let (call, registration) = (caller.call, caller.registration)
        switch outcome {
        case .admitted: break
        case .notAdmitted:
            log.debug("refused", metadata: facts(caller, peer, "the rule does not admit it: \(registration.admission)"))
            return refuse(call, ContextInterface.refused, registration.refusal)
        case .refused(let reason):
            log.debug("refused", metadata: facts(caller, peer, "this program refused it: \(reason)"))
            return refuse(call, ContextInterface.refused, reason)
        }
        guard caller.format == registration.format else {
            return refuse(
                call, ContextInterface.refused, registration.format.refusal(of: caller.format))
        }
        deliver(caller, peer)
    }

    /// Answers a caller of this process's own user, and refuses others: what a context does is not their concern.
    private func forOwnUser(
        _ call: MethodCall, _ answer: @escaping @Sendable (isolated BusConnection) -> Void
    ) {
        let isAsking = identify(call.sender) { registry, peer in
            let isOwnUser = if case .success(let peer) = peer { peer.uid == geteuid() } else { false }
            registry.connection.assumeIsolated { connection in
                if isOwnUser { return answer(connection) }
                connection.replyError(
                    to: call, name: ContextInterface.refused,
                    message: "only programs of the listener's user are answered")
            }
        }
        if !isAsking { tellBusy(call) }
    }

    private func facts(_ caller: Caller, _ peer: Peer, _ why: String) -> Logger.Metadata {
        [
            "name": "\(caller.registration.context.busName)", "peer": "\(peer)",
            "executable": "\(peer.executable ?? "unknown")", "why": "\(why)",
        ]
    }

    private func deliver(_ caller: Caller, _ peer: Peer) {
        let (call, registration) = (caller.call, caller.registration)
        // If the bus has gone since the call, the caller has given up, and its unique name may belong to another
        // connection now.
        guard connection.assumeIsolated({ $0.isCurrent(call) }) else { return }
        let arrival = Arrival(content: content(for: caller), peer: peer, metadata: caller.metadata)
        switch registration.deliver(arrival) {
        case .delivered:
            welcome(call, registration)
        case .deliveredLast:
            welcome(call, registration)
            withdrawSoon(registration, .limitReached)
        case .isFull:
            arrival.abandon()
            refuseAsBusy(call)
        case .hasEnded:
            arrival.abandon()
            refuse(call, DBusError.Name.unknownObject, "the context has just been unregistered")
        }
    }

    private func content(for caller: Caller) -> Arrival.Content {
        let registration = caller.registration
        let traffic = registration.activity.traffic
        if registration.format == .stream {
            return .stream(ByteStream(caller.line, isPartial: registration.isPartial, traffic: traffic))
        }
        return .port(
            MessagePort(
                adopting: caller.line, on: loop, limits: limits.ports, budget: caller.budget, traffic: traffic))
    }

    private func welcome(_ call: MethodCall, _ registration: Registration) {
        registration.activity.didAdmit()
        log.debug(
            "admitted", metadata: ["name": "\(registration.context.busName)", "peer": "\(call.sender)"])
        let welcome = Greeting(
            metadata: registration.metadata, format: registration.format, isPartial: registration.isPartial
        ).encoded
        let reply = { @Sendable [connection] in connection.assumeIsolated { $0.reply(to: call, [welcome]) } }
        // At the turn's end: a task on the loop runs before that, and so the program's first message, which opens the
        // line too, arrives before the welcome. A stream is opened by the welcome alone.
        if registration.format == .stream { reply() } else { loop.reactor.atTurnEnd(reply) }
    }
}

extension LineFormat {
    /// What is answered to a caller that asks for a line of another format.
    fileprivate func refusal(of wanted: LineFormat?) -> String {
        let what =
            switch wanted {
            case .stream?: "a stream of bytes"
            case .messages?: "messages"
            case let wanted?: "the format \(wanted.rawValue.debugDescription)"
            case nil: "a format that it does not know"
            }
        return "its lines \(words), and the call asked for \(what)"
    }
}
