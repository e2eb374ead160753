import CConnectToDBus
import ConnectToLinux

/// One attempt to get onto a bus: connect, authenticate, Hello; one unit with one deadline.
///
/// libdbus connects with a blocking connect(2), which for a listener with a full backlog lasts for ever. So that
/// happens on a thread of its own; the attempt does not wait for it longer than its deadline, and a connection
/// that arrives later is closed.
// @unchecked: everything but the address is used on the loop only.
final class Opening: @unchecked Sendable {
    typealias Completion = @Sendable (Result<(Link, uniqueName: String), DBusError>) -> Void

    private let address: String
    private let reactor: Reactor
    private var completion: Completion?
    private var isOver = false
    private var timer: Reactor.Timer?
    private var link: Link?

    init(address: String, on reactor: Reactor) {
        self.address = address
        self.reactor = reactor
    }

    /// The first of the addresses whose bus lets us in, by the deadline; cancelling the task ends it.
    ///
    /// libdbus would take the first where something listens, be it a bus or not.
    /// - Parameters:
    ///   - addresses: one at least; see ``BusAddress/entries(of:)``.
    ///   - adopt: called on the loop, in the very turn in which the bus has let us in.
    static func open<Result>(
        anyOf addresses: [String], on reactor: Reactor, deadline: Duration,
        adopt: @escaping @Sendable (Link, _ uniqueName: String) -> Result
    ) async throws(DBusError) -> Result where Result: Sendable {
        let end = SuspendingClock.now + deadline
        var failures: [DBusError] = []
        for address in addresses {
            do throws(DBusError) {
                let remaining = failures.isEmpty ? deadline : SuspendingClock.now.duration(to: end)
                return try await open(address, on: reactor, deadline: remaining, adopt: adopt)
            } catch {
                failures.append(error)
                // What ended this one would end the others.
                if error.kind != .unreachable { break }
            }
        }
        guard let last = failures.last, failures.count > 1 else { throw failures.first ?? .offline }
        throw last.saying(failures.map(\.message).joined(separator: "; "))
    }

    /// One attempt, awaited; cancelling the task ends it.
    private static func open<Result>(
        _ address: String, on reactor: Reactor, deadline: Duration,
        adopt: @escaping @Sendable (Link, _ uniqueName: String) -> Result
    ) async throws(DBusError) -> Result where Result: Sendable {
        let opening = Opening(address: address, on: reactor)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                reactor.execute {
                    opening.start(deadline: deadline) { continuation.resume(returning: $0.map(adopt)) }
                }
            }
        } onCancel: {
            reactor.execute { opening.cancel() }
        }
        return try result.get()
    }

    /// - Parameter completion: called exactly once, on the loop.
    func start(deadline: Duration, completion: @escaping Completion) {
        reactor.checkIsolated()
        self.completion = completion
        if isOver { return cancel() }
        timer = reactor.schedule(after: deadline) { [self] in
            finish(.failure(.timedOut("the bus at \(address) has not let us in within \(deadline)")))
        }
        do throws(SystemError) {
            try startDetachedThread(named: "connectto-open") { [self] in connect() }
        } catch {
            finish(.failure(.exhausted("no thread to connect to the bus with: \(error)")))
        }
    }

    /// Possibly before the start, which then ends at once.
    func cancel() {
        reactor.checkIsolated()
        isOver = true
        finish(.failure(.cancelled("opening the bus at \(address) was cancelled")))
    }

    /// Process-wide, once: SIGPIPE is not libdbus's to change. It sends with MSG_NOSIGNAL anyway.
    private static let leaveSIGPIPEAlone: Void = dbus_connection_set_change_sigpipe(0)

    /// Off the loop; nobody else knows of the connection yet.
    private func connect() {
        Self.leaveSIGPIPEAlone
        var failure = CConnectToDBus.DBusError()
        dbus_error_init(&failure)
        defer { dbus_error_free(&failure) }
        if let connection = dbus_connection_open_private(address, &failure) {
            // The number stands for the pointer, which is nobody's but the loop's from here on.
            let bits = UInt(bitPattern: connection)
            reactor.execute { [self] in
                if let connection = OpaquePointer(bitPattern: bits) { connected(connection) }
            }
        } else {
            // Some of its messages end with a newline.
            let reason = MessageReader.text(failure.message)?.split(whereSeparator: \.isNewline).joined(separator: " ")
            let message = "no connection to the bus at \(address): \(reason ?? "no reason given")"
            let name = MessageReader.text(failure.name) ?? DBusError.Name.noServer
            let isOurs = name == DBusError.Name.limitsExceeded || name == DBusError.Name.noMemory
            let error: DBusError = isOurs ? .exhausted(message) : .unreachable(message, name: name)
            reactor.execute { [self] in finish(.failure(error)) }
        }
    }

    private func connected(_ connection: OpaquePointer) {
        if completion == nil {
            // Too late: nobody waits for it.
            dbus_connection_close(connection)
            dbus_connection_unref(connection)
            return
        }
        let link = Link(adopting: connection, on: reactor)
        self.link = link
        // libdbus keeps it until it has authenticated. The attempt's own timer is the deadline.
        link.call(.toBus("Hello"), deadline: .seconds(3600)) { [self] result in greeted(result) }
    }

    private func greeted(_ result: Result<Reply, DBusError>) {
        switch result {
        case .success(let reply):
            guard case .string(let name)? = reply.body.first, Names.isUniqueBusName(name), let link else {
                return finish(.failure(.unreachable("what listens at \(address) does not answer as a bus does")))
            }
            // Messages with descriptors go past libdbus, which would have refused them.
            guard link.passesDescriptors else {
                return finish(
                    .failure(
                        .unreachable(
                            "the bus at \(address) passes no descriptors, which lines need; reach it by a Unix "
                                + "socket (unix:path=…)")))
            }
            finish(.success((link, uniqueName: name)))
        case .failure(let error) where error.kind == .disconnected:
            finish(.failure(hungUp(error)))
        case .failure(let error): finish(.failure(error))
        }
    }

    /// What hangs up instead of greeting. In a user namespace that is a bus's answer to libdbus, which says who we are by
    /// the number inside: the bus compares that with the one outside.
    private func hungUp(_ error: DBusError) -> DBusError {
        let what = "what listens at \(address) hung up before it let us in: "
        guard let namespace = UserNamespace.ofThisProcess else {
            return .unreachable(what + "not a bus, or one that refuses this user", name: error.name)
        }
        return .unreachable(
            what + "not a bus, or one outside of this process's user namespace (a container?), which sees "
                + "\(namespace.outside.map { "user \($0)" } ?? "another user") where this process says user "
                + "\(namespace.user)",
            name: DBusError.Name.authenticationFailed)
    }

    private func finish(_ result: Result<(Link, uniqueName: String), DBusError>) {
        guard let completion else { return }
        self.completion = nil
        timer?.cancel()
        timer = nil
        if case .failure = result { link?.close() }
        link = nil
        completion(result)
    }
}
