import ConnectToDBus
import ConnectToPorts

/// The caller's side of an introduction as a state machine: takes the bus's answers and says what to do next; does no
/// I/O.
///
/// The rules stand in `dbus/PROTOCOL.md`, "Answers".
struct CallerIntroduction {
    enum Step: Equatable {
        /// Send the call.
        case call
        /// Subscribe to the name's owner, if that has not been done, and then call.
        case subscribeAndCall
        /// Wait until a new owner has the name, then call.
        case awaitOwner
        /// The line is open; `isPartial`: whether the listener may end it before it has taken everything.
        case open(isPartial: Bool)
        /// There will be no line, for this reason. A line that the listener has opened already goes on.
        case fail(CloseReason)
        /// End the line, open or not.
        case breakOff(CloseReason)
    }

    private let context: ContextName
    private let policy: WaitPolicy
    private let format: LineFormat
    private var attempts = 0
    private var isSubscribed = false
    /// Whether an owner of the name was met that is not a context.
    private var hasMetStranger = false

    init(to context: ContextName, policy: WaitPolicy, format: LineFormat = .messages) {
        self.context = context
        self.policy = policy
        self.format = format
    }

    /// To be called when the call is over, with or without an answer.
    mutating func didReceive(_ result: Result<Reply, DBusError>) -> Step {
        switch result {
        case .success(let reply): didReceiveWelcome(reply.body)
        case .failure(let error): didFail(error)
        }
    }

    /// To be called when the listener answered with a welcome.
    func didReceiveWelcome(_ body: [DBusValue]) -> Step {
        do throws(Greeting.Malformed) {
            guard body.count == 1 else { throw Greeting.Malformed(what: "its signature is not a{sv}") }
            let welcome = try Greeting(decoding: body[0])
            // The hello offered no features, so none can have been agreed on.
            guard welcome.features.isEmpty else { throw .wrong("features") }
            // A listener that does not know of formats leaves the key out, and would send frames.
            guard welcome.format == format.rawValue else { throw .wrong("format") }
            return .open(isPartial: welcome.isPartial && format == .stream)
        } catch {
            return .breakOff(reason(.protocolError, "answered with a broken welcome: \(error.what)"))
        }
    }

    /// To be called when the call failed, with or without an answer.
    mutating func didFail(_ error: DBusError) -> Step {
        switch error.kind {
        case .reply: didReceiveError(error)
        case .timedOut where hasMetStranger: didRunOutOfTime()
        case .timedOut:
            .fail(reason(.timedOut, "did not answer the introduction in time, or was started and did not register"))
        case .disconnected:
            // The listener may have got the call, and may have read what was posted.
            .fail(CloseReason(.busLost, detail: "the bus went away before \(context.quoted) answered"))
        case .offline: theBusIsAway()
        case .cancelled: .fail(reason(.cancelled, "was given up on"))
        case .exhausted: .fail(reason(.outOfResources, "could not be called: \(error)"))
        case .malformed: .breakOff(reason(.protocolError, "answered with what cannot be read: \(error.message)"))
        case .invalid: .fail(reason(.invalid, "could not be called: \(error)"))
        case .unreachable: .fail(reason(.unavailable, "could not be called: \(error)"))
        }
    }

    /// The beginning of dbus-broker's message where a start fails. dbus-broker reports that under a name that
    /// otherwise means something else; dbus-daemon reports it as `Spawn.…`. Where dbus-broker has no service file for
    /// a name, its message says "not activatable".
    private static let brokerCouldNotStart = "Could not activate remote peer"

    private mutating func didReceiveError(_ error: DBusError) -> Step {
        switch error.name {
        case DBusError.Name.nameHasNoOwner where error.message.hasPrefix(Self.brokerCouldNotStart):
            .fail(
                reason(
                    .startFailed,
                    "is not running, and could not be started: the bus leaves that to systemd (systemctl --user), and "
                        + "says: \(error.message)"))
        case DBusError.Name.serviceUnknown, DBusError.Name.nameHasNoOwner:
            nobodyHasTheName()
        case DBusError.Name.unknownObject, DBusError.Name.unknownMethod, DBusError.Name.unknownInterface:
            isNoContext(error)
        case DBusError.Name.noReply, DBusError.Name.disconnected:
            // The listener may have read what was posted; sent again, it would be carried out twice.
            .fail(reason(.peerExited, "went away during the introduction"))
        case let name where name.hasPrefix(DBusError.Name.spawnPrefix):
            .fail(reason(.startFailed, "is not running, and could not be started: \(error.message)"))
        case DBusError.Name.timedOut:
            .fail(
                reason(.timedOut, "was started, and did not register in the bus's time: \(error.message)"))
        case DBusError.Name.accessDenied:
            // After the first clause dbus-daemon lists all that it knows of both sides and the call: leave that out.
            .fail(
                reason(
                    .refused,
                    "may not be called: the bus's policy says \(error.message.prefix { $0 != ";" })"))
        case DBusError.Name.invalidArguments:
            .fail(reason(.protocolError, "did not understand the introduction: \(error.message)"))
        case DBusError.Name.limitsExceeded, DBusError.Name.noMemory:
            .fail(reason(.busy, "could not be called: \(error)"))
        case ContextInterface.busy:
            .fail(reason(.busy, "is busy: \(error.message)"))
        case let name where name.hasPrefix(ContextInterface.errorPrefix):
            .fail(reason(.refused, "refused: \(error.message)"))
        default:
            .fail(reason(.protocolError, "does not answer as a context does: \(error)"))
        }
    }

    /// The owner of the name is not the expected one. A caller that waits for a name does not wait for a better
    /// owner.
    func didFind(unexpected owner: Peer) -> Step {
        .fail(
            CloseReason(
                .unexpectedOwner,
                detail: "\(context.quoted) is owned by somebody else than expected (\(owner))"))
    }

    /// To be called when the time to wait for the name is over.
    func didRunOutOfTime() -> Step {
        let who = hasMetStranger ? "whoever has the name is no context, and nobody else" : "nobody"
        return .fail(
            CloseReason(
                .timedOut,
                detail: "\(who) registered \(context.quoted) under \(context.origin) in time; is its program running?"
            ))
    }

    private mutating func nobodyHasTheName() -> Step {
        attempts += 1
        if policy.patience != nil { return isSubscribed ? .awaitOwner : subscribe() }
        // The owner may have died between the bus's look-up and its delivery, and a standby may have taken the name
        // over.
        if attempts == 1 { return .call }
        return .fail(
            CloseReason(
                .unavailable,
                detail: "nobody has registered \(context.quoted) under \(context.origin); is its program running?"))
    }

    /// Nothing was sent. When the bus is back, the name may have an owner.
    private mutating func theBusIsAway() -> Step {
        if policy.patience != nil { return isSubscribed ? .awaitOwner : subscribe() }
        return .fail(CloseReason(.busLost, detail: "the bus is away just now, and \(context.quoted) with it"))
    }

    /// The owner of the name is not a context, or no longer one. The next owner may be.
    private mutating func isNoContext(_ error: DBusError) -> Step {
        hasMetStranger = true
        if policy.patience != nil { return isSubscribed ? .awaitOwner : subscribe() }
        return .fail(reason(.unavailable, "is no context: \(error)"))
    }

    private mutating func subscribe() -> Step {
        isSubscribed = true
        return .subscribeAndCall
    }

    private func reason(_ code: CloseReason.Code, _ what: String) -> CloseReason {
        CloseReason(code, detail: "\(context.quoted) \(what)")
    }
}
