import ConnectToDBus
import ConnectToLinux
import ConnectToPorts
import Logging

/// The contexts that this process has registered on one bus. On the loop.
actor Registry {
    let connection: BusConnection
    let loop: EventLoop
    let limits: BusLimits
    let identities: Identities
    let log: Logger
    let callers: Callers
    let exhausted = ExhaustedSenders()
    /// The registrations, by bus name.
    private(set) var registrations: [String: Registration] = [:]
    /// Callers of one connection whose admission needs an answer of the bus, the kernel or the program. They are
    /// admitted in the order of their calls.
    struct Waiting {
        var count = 0
        var last: Task<Void, Never>?
    }
    /// The callers that wait for their admission, by unique name.
    var waiting: [String: Waiting] = [:]
    /// Calls that are refused as busy, and have not been answered yet.
    var turnedAway: [MethodCall] = []

    /// Bounds the requests for names. They do not wait for each other's answers, but ten thousand are not sent at
    /// once.
    private var requests = RequestLimit(of: 256)

    /// The context by which this process introduces itself, while it is registered: the first one, and later any
    /// other.
    private var calling: Registration?

    /// The bus name of a context that this process owns, if it owns any.
    var callingName: String? {
        switch calling?.status {
        case .registered: break
        // Mostly the name comes back with the bus: keep it.
        case .interrupted: return nil
        default: calling = registrations.values.first { $0.status == .registered }
        }
        return calling?.context.busName
    }

    func registration(at path: String) -> Registration? {
        ContextName.busName(ofObjectAt: path).flatMap { registrations[$0] }
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        connection.reactor.asUnownedSerialExecutor()
    }

    init(
        _ connection: BusConnection, on loop: EventLoop, limits: BusLimits, identities: Identities,
        log: Logger
    ) {
        self.connection = connection
        self.loop = loop
        self.limits = limits
        self.identities = identities
        self.log = log
        callers = Callers(limits.callers)
    }

    /// Follows the bus's signals about our names, and the calls to our objects.
    func start() async {
        await connection.onSignal { [weak self] signal in
            self?.assumeIsolated { $0.didReceive(signal) }
        }
        await connection.screenCalls { [weak self, exhausted] head in
            if exhausted.turnAway(head) { return true }
            let call = head.call
            return self?.assumeIsolated { $0.hasTurnedAway(call) } ?? false
        }
        await connection.export { [weak self] call in
            self?.assumeIsolated { $0.didReceive(call) } ?? false
        }
    }

    // MARK: Registering

    func register(
        _ context: ContextName, _ options: ContextOptions, on bus: Bus
    ) async throws(ConnectToError) -> Registration {
        try options.metadata.checked()
        while let former = registrations[context.busName] {
            guard case .ended = former.status else { throw await taken(context) }
            // The former registration is ending: the name is free once the bus has answered.
            if await former.isGone.wait() == nil {
                throw ConnectToError(.cancelled, "registering \(context.quoted) was cancelled")
            }
        }
        let registration = Registration(
            context, options, tap: options.isTappable ? Tap(on: loop) : nil, bus: bus)
        // Entered before the name is requested: calls can come before the bus has answered.
        registrations[context.busName] = registration
        do throws(ConnectToError) {
            try await requestName(of: registration, registration.flags)
        } catch {
            _ = registration.end(.unregistered)
            forget(registration)
            throw error
        }
        if calling?.status != .registered { calling = registration }
        log.debug("registered", metadata: ["name": "\(context.busName)"])
        return registration
    }

    func requestName(
        of registration: Registration, _ flags: BusConnection.RequestNameFlags
    ) async throws(ConnectToError) {
        let context = registration.context
        let outcome: BusConnection.RequestNameOutcome
        do throws(DBusError) {
            let result = await withCheckedContinuation { continuation in
                requests.begin { [self] in
                    connection.assumeIsolated {
                        $0.requestName(context.busName, flags: flags) { result in
                            // Here, in the moment of the answer: the next message may be NameAcquired already.
                            switch result {
                            case .success(.primaryOwner), .success(.alreadyOwner):
                                registration.didBecome(registered: true)
                            case .success(.inQueue): registration.didBecome(registered: false)
                            case .success(.exists), .failure: break
                            }
                            continuation.resume(returning: result)
                            self.assumeIsolated { $0.requests.didEnd() }
                        }
                    }
                }
            }
            outcome = try result.get()
        } catch {
            if error.kind == .timedOut {
                // The bus may give the name all the same, and then it would never be given back.
                await connection.releaseName(context.busName) { _ in }
            }
            throw ConnectToError(error, "registering \(context.quoted)")
        }
        switch outcome {
        // alreadyOwner: the bus has not processed our earlier, timed-out ReleaseName yet.
        case .primaryOwner, .inQueue, .alreadyOwner: break
        case .exists: throw await taken(context)
        }
    }

    private func taken(_ context: ContextName) async -> ConnectToError {
        let owner = try? await identities.ownerPeer(of: context.busName)
        let (who, remedy): (String, String)
        if let owner, owner.busName == connection.uniqueName {
            (who, remedy) = ("this process itself", "unregister that context")
        } else {
            let pid = owner.map { $0.pid.map { "pid \($0)" } ?? "the connection \($0.busName)" }
            let program = owner?.processName.map { " (\($0))" } ?? ""
            (who, remedy) = ((pid ?? "another process") + program, "end that process")
        }
        return ConnectToError(
            .nameTaken,
            "\(context.quoted) is taken by \(who); \(remedy), choose another name, or stand by for the name",
            owner: owner)
    }

    func forget(_ registration: Registration) {
        registrations[registration.context.busName] = nil
        if calling === registration { calling = nil }
        registration.didGo()
    }

    // MARK: Unregistering

    /// Gives the name back. From the first moment on, callers learn that the context is not here. The bus has
    /// confirmed the end when this returns.
    func withdraw(_ registration: Registration, _ reason: Context.EndReason) async {
        if registration.end(reason) {
            await release(registration, reason)
        } else {
            // Another task has ended it: wait until the bus has confirmed that too.
            _ = await registration.isGone.wait()
        }
    }

    nonisolated func withdrawSoon(_ registration: Registration, _ reason: Context.EndReason) {
        if registration.end(reason) {
            Task(executorPreference: loop.reactor.tasks) { [self] in await release(registration, reason) }
        }
    }

    private func release(_ registration: Registration, _ reason: Context.EndReason) async {
        _ = try? await connection.releaseName(registration.context.busName)
        forget(registration)
        log.debug("unregistered", metadata: ["name": "\(registration.context.busName)", "why": "\(reason)"])
    }

    /// To be called when the bus is gone for good, or this process has left it.
    func endAll() {
        for registration in registrations.values {
            _ = registration.end(.busLost)
            registration.didGo()
        }
        registrations = [:]
        calling = nil
    }

    // MARK: What the bus tells

    private func didReceive(_ signal: Signal) {
        guard signal.sender == BusName.bus, signal.member == "NameAcquired" || signal.member == "NameLost",
            case .string(let name)? = signal.body.first,
            let registration = registrations[name],
            // Until the bus has answered our request, its signals are about a former registration.
            registration.status == .registered || registration.status == .standby
        else { return }
        switch signal.member {
        case "NameAcquired":
            registration.didBecome(registered: true)
        case "NameLost" where registration.status == .registered:
            if !registration.flags.contains(.doNotQueue) {
                // The bus has put this process first in the queue.
                registration.didBecome(registered: false)
            } else if registration.end(registration.flags.contains(.allowReplacement) ? .replaced : .nameLost) {
                forget(registration)
            }
        default: break
        }
    }
}
