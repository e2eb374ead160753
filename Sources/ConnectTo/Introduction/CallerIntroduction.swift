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
        /// The call was not answered in time: ask the bus whether the name has an owner, since that says what is wrong.
        case lookForOwner
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
            guard body.count == 1 else { throw Greeting.Malformed(fault: "its signature is not a{sv}") }
            let welcome = try Greeting(decoding: body[0])
            // The hello offered no features, so none can have been agreed on.
            guard welcome.features.isEmpty else { throw .wrong("features") }
            // A listener that does not know of formats leaves the key out, and would send frames.
            guard welcome.format == format.rawValue else { throw .wrong("format") }
            return .open(isPartial: welcome.isPartial && format == .stream)
        } catch {
            return .breakOff(reason(.protocolError, "answered with a welcome that breaks the protocol: \(error.fault)"))
        }
    }

    /// To be called when the call failed, with or without an answer.
    mutating func didFail(_ error: DBusError) -> Step {
        switch error.kind {
        case .reply: didReceiveError(error)
        case .timedOut where hasMetStranger: didRunOutOfTime()
        case .timedOut: .lookForOwner
        case .disconnected:
            // The listener may have got the call, and may have read what was posted.
            .fail(
                CloseReason(
                    .busLost, detail: "the connection to the bus ended before \(context.quoted) answered the call"))
        case .offline: theBusIsAway()
        case .cancelled: .fail(reason(.cancelled, "has not answered: the call was cancelled"))
        case .exhausted: .fail(reason(.outOfResources, "could not be called: \(error.message)"))
        case .malformed:
            .breakOff(reason(.protocolError, "answered with a message that cannot be read: \(error.message)"))
        case .invalid: .fail(reason(.invalid, "could not be called: \(error.message)"))
        case .unreachable: .fail(reason(.unavailable, "could not be called: \(error.message)"))
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
                    "is not running, and the bus could not have systemd start it (systemctl --user tells more): "
                        + error.message))
        case DBusError.Name.serviceUnknown, DBusError.Name.nameHasNoOwner:
            nameHasNoOwner()
        case DBusError.Name.unknownObject, DBusError.Name.unknownMethod, DBusError.Name.unknownInterface:
            ownerIsNotContext(error)
        case DBusError.Name.noReply, DBusError.Name.disconnected:
            // The listener may have read what was posted; sent again, it would be carried out twice.
            .fail(reason(.peerExited, "left the bus before it answered the call"))
        case let name where name.hasPrefix(DBusError.Name.spawnPrefix):
            .fail(reason(.startFailed, "is not running, and the bus could not start it: \(error.message)"))
        case DBusError.Name.timedOut:
            .fail(
                reason(
                    .timedOut,
                    "was started, and its program did not register the name in the time that the bus allows: "
                        + error.message))
        case DBusError.Name.accessDenied:
            // After the first clause dbus-daemon lists all that it knows of both sides and the call: leave that out.
            .fail(
                reason(
                    .refused,
                    "may not be called: the bus's policy forbids it (\(error.message.prefix { $0 != ";" })); "
                        + "ask the administrator of the bus"))
        case DBusError.Name.invalidArguments:
            .fail(reason(.protocolError, "rejected the call as invalid: \(error.message)"))
        case DBusError.Name.limitsExceeded, DBusError.Name.noMemory:
            .fail(reason(.busy, "could not be called: the bus or the program has reached a limit (\(error))"))
        case ContextInterface.busy:
            .fail(reason(.busy, "is busy: \(error.message)"))
        case let name where name.hasPrefix(ContextInterface.errorPrefix):
            .fail(reason(.refused, "refused the call: \(error.message)"))
        default:
            .fail(reason(.protocolError, "answered the call with an error that a context does not give: \(error)"))
        }
    }

    /// The owner of the name is not the expected one. A caller that waits for a name does not wait for a better
    /// owner.
    func didFind(unexpected owner: Peer) -> Step {
        .fail(
            CloseReason(
                .unexpectedOwner,
                detail: "\(context.quoted) is owned by another program than the expected one: \(owner)"))
    }

    /// To be called after a call that was not answered in time. A name without an owner would have been answered with
    /// an error, unless the bus is starting its program.
    /// - Parameter isOwned: whether the name has an owner now; nil if the bus did not say.
    func didLook(isOwned: Bool?) -> Step {
        let why =
            switch isOwned {
            case true?: "its program is stopped or busy"
            case false?: "the bus starts its program, which has not registered it yet"
            case nil: "its program or the bus is stopped or busy"
            }
        return .fail(reason(.timedOut, "did not answer the call in time: \(why)"))
    }

    /// To be called when the time to wait for the name is over.
    func didRunOutOfTime() -> Step {
        let name = "\(context.quoted) under \(context.origin)"
        return .fail(
            CloseReason(
                .timedOut,
                detail: hasMetStranger
                    ? "the program that owns \(name) is not a context, and no other program registered the name in time"
                    : "no program registered \(name) in time; start the program that does"))
    }

    private mutating func nameHasNoOwner() -> Step {
        attempts += 1
        if policy.patience != nil { return isSubscribed ? .awaitOwner : subscribe() }
        // The owner may have died between the bus's look-up and its delivery, and a standby may have taken the name
        // over.
        if attempts == 1 { return .call }
        return .fail(
            CloseReason(
                .unavailable,
                detail:
                    "no program has registered \(context.quoted) under \(context.origin); start the program that does"))
    }

    /// Nothing was sent. When the bus is back, the name may have an owner.
    private mutating func theBusIsAway() -> Step {
        if policy.patience != nil { return isSubscribed ? .awaitOwner : subscribe() }
        return .fail(
            CloseReason(.busLost, detail: "the bus is away at the moment, so \(context.quoted) cannot be called"))
    }

    /// The owner of the name is not a context, or no longer one. The next owner may be.
    private mutating func ownerIsNotContext(_ error: DBusError) -> Step {
        hasMetStranger = true
        if policy.patience != nil { return isSubscribed ? .awaitOwner : subscribe() }
        return .fail(reason(.unavailable, "is owned by a program that does not serve it as a context: \(error)"))
    }

    private mutating func subscribe() -> Step {
        isSubscribed = true
        return .subscribeAndCall
    }

    private func reason(_ code: CloseReason.Code, _ what: String) -> CloseReason {
        CloseReason(code, detail: "\(context.quoted) \(what)")
    }
}
