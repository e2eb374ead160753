import CConnectToDBus
import ConnectToLinux

/// One attempt to open a connection to a bus: connect, authenticate, and call Hello, with one deadline for all three.
///
/// libdbus uses a blocking connect(2), which can block for ever if the listener's backlog is full. So a thread of its
/// own connects. The attempt waits for that thread until its deadline, and closes a connection that arrives later.
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

    /// Opens the first of the addresses whose bus accepts this process. The deadline is for all of them. Cancelling the
    /// task ends the attempt.
    ///
    /// libdbus itself would settle for the first address at which any program listens, a bus or not.
    /// - Parameters:
    ///   - addresses: at least one; see ``BusAddress/entries(of:)``.
    ///   - adopt: called on the loop, in the turn in which the bus replies to Hello.
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
                // Other errors (deadline, cancellation, lack of memory) would end the other attempts too.
                if error.kind != .unreachable { break }
            }
        }
        guard let last = failures.last, failures.count > 1 else { throw failures.first ?? .offline }
        throw last.withMessage(failures.map(\.message).joined(separator: "; "))
    }

    /// Makes one attempt and waits for its result. Cancelling the task ends the attempt.
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
            finish(.failure(.timedOut("the bus at \(address) did not accept the connection within \(deadline)")))
        }
        do throws(SystemError) {
            try startDetachedThread(named: "connectto-open") { [self] in connect() }
        } catch {
            finish(.failure(.exhausted("cannot start a thread to connect to the bus: \(error)")))
        }
    }

    /// May come before ``start(deadline:completion:)``, which then fails at once.
    func cancel() {
        reactor.checkIsolated()
        isOver = true
        finish(.failure(.cancelled("connecting to the bus at \(address) was cancelled")))
    }

    /// Keeps libdbus from changing this process's SIGPIPE handling, once for the process. libdbus does not need that:
    /// it sends with MSG_NOSIGNAL.
    private static let leaveSIGPIPEAlone: Void = dbus_connection_set_change_sigpipe(0)

    /// Runs off the loop. That is safe because no other code has the connection yet.
    private func connect() {
        Self.leaveSIGPIPEAlone
        var failure = CConnectToDBus.DBusError()
        dbus_error_init(&failure)
        defer { dbus_error_free(&failure) }
        if let connection = dbus_connection_open_private(address, &failure) {
            // As a number, because a pointer is not Sendable. From here on only the loop uses the connection.
            let bits = UInt(bitPattern: connection)
            reactor.execute { [self] in
                if let connection = OpaquePointer(bitPattern: bits) { connected(connection) }
            }
        } else {
            // Some of libdbus's messages end with a newline.
            let reason = MessageReader.text(failure.message)?.split(whereSeparator: \.isNewline).joined(separator: " ")
            let message = "cannot connect to the bus at \(address): \(reason ?? "libdbus gives no reason")"
            let name = MessageReader.text(failure.name) ?? DBusError.Name.noServer
            let isOurs = name == DBusError.Name.limitsExceeded || name == DBusError.Name.noMemory
            let error: DBusError = isOurs ? .exhausted(message) : .unreachable(message, name: name)
            reactor.execute { [self] in finish(.failure(error)) }
        }
    }

    private func connected(_ connection: OpaquePointer) {
        if completion == nil {
            // The attempt is over already.
            dbus_connection_close(connection)
            dbus_connection_unref(connection)
            return
        }
        let link = Link(adopting: connection, on: reactor)
        self.link = link
        // libdbus queues the call until it has authenticated. The attempt's own timer is the deadline.
        link.call(.toBus("Hello"), deadline: .seconds(3600)) { [self] result in helloReturned(result) }
    }

    private func helloReturned(_ result: Result<Reply, DBusError>) {
        switch result {
        case .success(let reply):
            guard case .string(let name)? = reply.body.first, Names.isUniqueBusName(name), let link else {
                return finish(
                    .failure(.unreachable("the program that listens at \(address) does not answer as a D-Bus bus does"))
                )
            }
            // Checked here, because messages with descriptors bypass libdbus, which would refuse to send them.
            guard link.passesDescriptors else {
                return finish(
                    .failure(
                        .unreachable(
                            "the bus at \(address) passes no file descriptors, which every connection between two "
                                + "programs needs; connect to the bus over a Unix socket (unix:path=…)")))
            }
            finish(.success((link, uniqueName: name)))
        case .failure(let error) where error.kind == .disconnected:
            finish(.failure(hangUpError(error)))
        case .failure(let error): finish(.failure(error))
        }
    }

    /// The error for a listener that hung up during the handshake.
    ///
    /// In a user namespace, a bus outside of it hangs up: libdbus authenticates with the uid inside, and the bus
    /// compares that with the uid that the kernel reports, the one outside.
    private func hangUpError(_ error: DBusError) -> DBusError {
        let event = "the program that listens at \(address) hung up during the handshake: it is not a D-Bus bus, or "
        guard let namespace = UserNamespace.ofThisProcess else {
            return .unreachable(event + "it is a bus that refuses this user", name: error.name)
        }
        return .unreachable(
            event + "it is a bus outside of this process's user namespace (a container?), which sees "
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
