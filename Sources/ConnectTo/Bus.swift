import DBus
import LinuxIO
import Logging
public import Ports

/// A connection to a message bus: where names are registered and found. It introduces; it carries no messages.
///
/// A process has one connection to a bus, however often it asks for it and however many contexts and ports it
/// has. All of it may be used from any thread. When the bus goes away open ports go on, and when it comes back
/// contexts are registered again; ``status`` says how it stands.
public final class Bus: Sendable {
    /// Where the bus listens, in D-Bus's notation.
    public let address: String
    /// What holds for everybody who shares the bus.
    public let limits: BusLimits

    let loop: EventLoop
    let connection: BusConnection
    let identities: Identities
    let watch: OwnerWatch
    let registry: Registry
    let board = StatusBoard()
    let loss = Latch<ConnectToError>()

    // MARK: Connecting to a bus

    /// The bus of the user's session: `DBUS_SESSION_BUS_ADDRESS`, else `$XDG_RUNTIME_DIR/bus`. Never starts one.
    ///
    /// - Parameters:
    ///   - limits: what is to hold on it; if nil what holds already, or the defaults where nobody has it open.
    ///   - loop: where the connection and its ports live; the process's own loop if nil.
    /// - Throws: ``ConnectToError`` with ``ConnectToError/Code/busUnreachable``, after five seconds at the most;
    ///   no sooner where the task is cancelled, since others may wait for the same connection. With
    ///   ``ConnectToError/Code/otherLimits`` where the process has it open already, and with others.
    public static func session(
        limits: BusLimits? = nil, on loop: EventLoop? = nil
    ) async throws(ConnectToError) -> Bus {
        let address = try address { () throws(DBusError) in try BusAddress.session() }
        return try await at(address, limits: limits, on: loop)
    }

    /// The machine's bus: `DBUS_SYSTEM_BUS_ADDRESS`, else the well-known socket. As ``session(limits:on:)``.
    public static func system(
        limits: BusLimits? = nil, on loop: EventLoop? = nil
    ) async throws(ConnectToError) -> Bus {
        let address = try address { () throws(DBusError) in try BusAddress.system() }
        return try await at(address, limits: limits, on: loop)
    }

    /// The bus at an address, such as `unix:path=/run/user/1000/bus`. As ``session(limits:on:)``.
    public static func at(
        _ address: String, limits: BusLimits? = nil, on loop: EventLoop? = nil
    ) async throws(ConnectToError) -> Bus {
        try await BusPool.shared.bus(at: address, limits: limits, on: resolve(loop))
    }

    /// A connection of its own, which nobody else gets: for tests that play two processes in one.
    package static func separate(
        at address: String, limits: BusLimits = BusLimits(), on loop: EventLoop? = nil
    ) async throws(ConnectToError) -> Bus {
        try await open(address, limits: limits, on: resolve(loop))
    }

    private static func resolve(_ loop: EventLoop?) throws(ConnectToError) -> EventLoop {
        if let loop { return loop }
        do throws(PortError) {
            return try .shared
        } catch {
            throw ConnectToError(.outOfResources, error.message, cause: error)
        }
    }

    private static func address(_ find: () throws(DBusError) -> String) throws(ConnectToError) -> String {
        do throws(DBusError) {
            return try find()
        } catch {
            throw ConnectToError(.busUnreachable, error.message, cause: error)
        }
    }

    static func open(
        _ address: String, limits: BusLimits, on loop: EventLoop,
        deadline: Duration = BusConnection.busDeadline
    ) async throws(ConnectToError) -> Bus {
        let connection: BusConnection
        do throws(DBusError) {
            connection = try await BusConnection.open(
                address: address, on: loop.reactor, deadline: deadline)
        } catch {
            throw .unreachable(error)
        }
        let bus = Bus(connection, address: address, limits: limits, on: loop)
        await bus.registry.start()
        await connection.onDisconnect { [weak bus] in bus?.didDisconnect($0) }
        return bus
    }

    private init(_ connection: BusConnection, address: String, limits: BusLimits, on loop: EventLoop) {
        self.address = address
        self.limits = limits
        self.loop = loop
        self.connection = connection
        identities = Identities(connection)
        watch = OwnerWatch(connection)
        registry = Registry(
            connection, on: loop, limits: limits, identities: identities,
            log: Logger(label: "org.connectto.registry"))
    }

    deinit {
        let connection = connection
        Task(executorPreference: connection.reactor.tasks) { await connection.close() }
    }

    // MARK: The connection's end

    /// Waits until the connection to the bus is over for good, and says why. A cancelled task gets
    /// ``ConnectToError/Code/cancelled`` at once.
    public var lost: ConnectToError {
        get async {
            await loss.wait() ?? ConnectToError(.cancelled, "the waiting task was cancelled")
        }
    }

    /// Whether the connection is over for good. A new one is made by asking for the bus again.
    public var isLost: Bool { status == .lost }

    /// Ends the connection: contexts end, introductions under way fail, open ports go on.
    ///
    /// For everybody in this process who has asked for this bus, since all share one connection; so it is for
    /// the program to call, not for a library in it. Dropping the last reference does the same.
    public func close() async {
        await end(ConnectToError(.busLost, "the connection to the bus at \(address) was closed here"))
    }

    // MARK: Registering and connecting

    /// Registers a context: from the moment this returns others find it.
    ///
    /// While the bus is away (``Status/reconnecting``) this waits for it, for ten seconds at the most.
    ///
    /// - Parameters:
    ///   - name: any UTF-8 but the empty; see ``ContextName``.
    ///   - origin: the application id that the name lives under.
    ///   - metadata: free text that everybody on the bus can read, 64 KiB in all.
    ///   - standby: if the name is taken, wait to take it over when its owner goes; ``Context/isStandby`` tells.
    ///   - replace: if the name is taken by one that allows it, take it over.
    ///   - allowReplacement: let others take the name over that ask to, which any program may that the bus lets
    ///     own it. The context then ends with ``Context/EndReason/replaced``, or stands by if it is to.
    ///   - limit: unregister when this many callers have been admitted, one at least; without limit if nil.
    ///   - format: what lines to it carry; callers that ask for the other are refused.
    ///   - tappable: whether other programs of this user may look on at its messages (`connect tap`). They see a
    ///     copy, slow nobody down and miss what comes too fast for them; streams show nothing.
    ///   - admission: who may connect. Others are refused before there is a connect event, and not told why: that is
    ///     logged, at debug level, by `org.connectto.registry`.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/nameTaken``, ``ConnectToError/Code/invalidName``,
    ///   ``ConnectToError/Code/invalidMetadata``, ``ConnectToError/Code/invalidLimit``, ``ConnectToError/Code/denied``,
    ///   ``ConnectToError/Code/limitsExceeded``, ``ConnectToError/Code/busLost`` where the bus is lost, or was not back
    ///   in ten seconds; ``ConnectToError/Code/cancelled`` where the task is cancelled before it is back; and
    ///   ``ConnectToError/Code/timedOut`` where the bus has not answered within five seconds: then the name is
    ///   given back, should the bus still give it. Cancelling the task does not take the request back.
    public func register(
        _ name: String, origin: String = ContextName.defaultOrigin, metadata: [String: String] = [:],
        standby: Bool = false, replace: Bool = false, allowReplacement: Bool = false,
        accepting limit: Int? = nil, format: LineFormat = .messages, tappable: Bool = false,
        admit admission: Admission = .sameUser
    ) async throws(ConnectToError) -> Context {
        let context = try ContextName(name, origin: origin)
        if let limit, limit < 1 {
            throw ConnectToError(
                .invalidLimit,
                """
                registering \(context.quoted) for \(limit) callers: it is to admit one at least; leave the limit out to \
                admit any number
                """)
        }
        var flags = standby ? BusConnection.RequestNameFlags() : .doNotQueue
        if replace { flags.insert(.replaceExisting) }
        if allowReplacement { flags.insert(.allowReplacement) }
        let registration = try await retryingWhenBack("registering \(context.quoted)") {
            [registry, flags] () throws(ConnectToError) in
            try await registry.register(
                context, metadata: metadata, flags: flags, limit: limit, format: format,
                isTappable: tappable, admission: admission, on: self)
        }
        return Context(registration)
    }

    /// Asks for a context by name, and returns a port to it at once.
    ///
    /// A program that has registered a context itself introduces itself by it; the listener finds it in
    /// ``Peer/context``.
    ///
    /// Posting works from here on: what is posted waits for the listener. Nothing is thrown, not even for a name
    /// that is none; the port ends with the reason, and ``MessagePort/opened`` tells who wants to know.
    ///
    /// A listener that is there has five seconds to answer (``BusLimits/introduction``), or what is left of the wait if
    /// that is more.
    /// - Parameters:
    ///   - name: the context's.
    ///   - origin: the application id that the name lives under.
    ///   - policy: what to do while nobody owns the name.
    ///   - metadata: free text for the listener, 64 KiB in all.
    ///   - format: what the line is to carry; a listener of the other format refuses. With
    ///     ``LineFormat/stream`` the port posts nothing: await ``MessagePort/opened``, then
    ///     ``MessagePort/takeFileDescriptor()``.
    ///   - expected: who the listener has to be. Whoever owns the name is looked at first, and the line and all that
    ///     was posted goes to that connection alone, whoever takes the name meanwhile. The port of another owner
    ///     ends with ``CloseReason/Code/unexpectedOwner``, and nothing has left this process. Costs two
    ///     questions to the bus more.
    public func connectTo(
        _ name: String, origin: String = ContextName.defaultOrigin,
        wait policy: WaitPolicy = .untilAvailable(for: .seconds(10)), metadata: [String: String] = [:],
        format: LineFormat = .messages, expecting expected: Admission? = nil
    ) -> MessagePort {
        let (port, introduction) = MessagePort.opening(format: format, on: loop, limits: limits.ports)
        do throws(ConnectToError) {
            let context = try ContextName(name, origin: origin)
            try metadata.checked()
            let introducer = Introducer(
                bus: self, context: context, policy: policy, format: format, metadata: metadata,
                expected: expected, answerDeadline: limits.introduction)
            if loop.reactor.isCurrent {
                introducer.introduce(introduction)
            } else {
                loop.reactor.execute { introducer.introduce(introduction) }
            }
        } catch {
            introduction.failUnlessOpen(CloseReason(.unavailable, detail: error.message))
        }
        return port
    }
}
