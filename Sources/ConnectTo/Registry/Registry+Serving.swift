import DBus
import Glibc
import LinuxIO
import Logging
import Ports

/// How callers are served: who they are, whether they are admitted, their connect event.
extension Registry {
    func didReceive(_ call: MethodCall, for registration: Registration) {
        switch ContextObject.answer(call, for: registration) {
        case .reply(let body):
            connection.assumeIsolated { $0.reply(to: call, body) }
        case .error(let name, let message):
            connection.assumeIsolated { $0.replyError(to: call, name: name, message: message) }
        case .tellStatus:
            forOwnUser(call) { $0.reply(to: call, [registration.activity.status.encoded]) }
        case .tap(let line):
            let tap = registration.activity.traffic.tap
            let hasRoom = Admission.hasRoom(for: line)
            forOwnUser(call) { [loop, log] connection in
                guard let tap else {
                    return connection.replyError(
                        to: call, name: ContextInterface.refused,
                        message: "its owner has not allowed it to be looked on at")
                }
                guard hasRoom, tap.add(MessagePort(adopting: line, on: loop)) else {
                    return connection.replyError(
                        to: call, name: ContextInterface.busy, message: "enough are looking on already")
                }
                log.debug(
                    "looked on at",
                    metadata: ["name": "\(registration.context.busName)", "peer": "\(call.sender)"])
                connection.reply(to: call, [.dictionary(key: "s", value: "v", [])])
            }
        case .admit(let line, let hello):
            guard introductions < Self.maximumIntroductions, Admission.hasRoom(for: line) else {
                return refuse(call, ContextInterface.busy, "too many callers just now; try again later")
            }
            introductions += 1
            identities.assumeIsolated {
                $0.identify(call.sender) { [self] peer in
                    assumeIsolated { $0.admit(call, line, hello, to: registration, peer) }
                }
            }
        }
    }

    /// Not a task for each caller: tasks may overtake one another, and callers are served in order.
    private func admit(
        _ call: MethodCall, _ line: StreamSocket, _ hello: Greeting, to registration: Registration,
        _ peer: Result<Peer, DBusError>
    ) {
        introductions -= 1
        guard case .success(let peer) = peer else {
            return refuse(call, ContextInterface.refused, "the bus does not say who is calling")
        }
        guard Admission.admits(peer) else {
            log.debug("refused", metadata: ["name": "\(registration.context.busName)", "peer": "\(peer)"])
            return refuse(call, ContextInterface.refused, "not admitted")
        }
        guard hello.format == registration.format.rawValue else {
            return refuse(call, ContextInterface.refused, Admission.mismatch(registration.format))
        }
        guard let claimed = hello.context.flatMap(ContextName.init(busName:)) else {
            return deliver(call, line, hello, to: registration, peer)
        }
        introductions += 1
        Task(executorPreference: loop.reactor) { [self] in
            let isConfirmed = await identities.owner(of: claimed.busName) == call.sender
            await confirmed(call, line, hello, to: registration, isConfirmed ? peer.bearing(claimed) : peer)
        }
    }

    /// Answers a caller of this process's own user: what a context does is nobody else's business.
    private func forOwnUser(
        _ call: MethodCall, _ answer: @escaping @Sendable (isolated BusConnection) -> Void
    ) {
        identities.assumeIsolated {
            $0.identify(call.sender) { [connection] peer in
                let isOwnUser = if case .success(let peer) = peer { peer.uid == geteuid() } else { false }
                connection.assumeIsolated { connection in
                    if isOwnUser { return answer(connection) }
                    connection.replyError(
                        to: call, name: ContextInterface.refused, message: "its own user alone is told")
                }
            }
        }
    }

    private func confirmed(
        _ call: MethodCall, _ line: StreamSocket, _ hello: Greeting, to registration: Registration,
        _ peer: Peer
    ) {
        introductions -= 1
        deliver(call, line, hello, to: registration, peer)
    }

    private func deliver(
        _ call: MethodCall, _ line: StreamSocket, _ hello: Greeting, to registration: Registration,
        _ peer: Peer
    ) {
        let event = ConnectEvent(
            source: MessagePort(
                adopting: line, format: registration.format, on: loop, limits: limits.ports,
                traffic: registration.activity.traffic),
            peer: peer,
            metadata: hello.metadata)
        switch registration.deliver(event) {
        case .delivered:
            welcome(call, registration)
        case .deliveredLast:
            welcome(call, registration)
            withdrawSoon(registration, .limitReached)
        case .isFull:
            event.source.turnAway()
            refuse(call, ContextInterface.busy, "too many callers wait already; try again later")
        case .hasEnded:
            event.source.turnAway()
            refuse(call, DBusError.Name.unknownObject, "the context has just been unregistered")
        }
    }

    private func welcome(_ call: MethodCall, _ registration: Registration) {
        registration.activity.didAdmit()
        log.debug(
            "admitted", metadata: ["name": "\(registration.context.busName)", "peer": "\(call.sender)"])
        let welcome = Greeting(metadata: registration.metadata, format: registration.format)
        connection.assumeIsolated { $0.reply(to: call, [welcome.encoded]) }
    }

    private func refuse(_ call: MethodCall, _ name: String, _ message: String) {
        registration(at: call.path)?.activity.didRefuse()
        connection.assumeIsolated { $0.replyError(to: call, name: name, message: message) }
    }
}
