import ConnectTo

/// A subcommand that registers a name, and serves the programs that connect to it.
protocol ListenerCommand: BusCommand {
    var ownership: OwnershipOptions { get }
    /// Whether one caller is served, with whom the program ends.
    var once: Bool { get }
    /// How the context is registered.
    var options: ContextOptions { get }
}

extension ListenerCommand {
    static var readerLoss: ReaderLoss { .failure }

    /// Registers the name as the options say.
    /// - Throws: ``Failure``, for example 73 if another process has the name.
    func register(_ name: String, _ origin: String, on bus: Bus) async throws(Failure) -> Context {
        do throws(ConnectToError) {
            return try await bus.register(name, origin: origin, options: options)
        } catch {
            let failure = Failure(error)
            guard ownership.replace, error.code == .nameTaken, let message = failure.message else { throw failure }
            throw Failure(
                failure.status,
                "\(message); --replace takes it only from a listener that was started with --replaceable")
        }
    }

    /// Serves peers until the program ends, whose cleanup ends the service and the open peers.
    func serve<Events: AsyncSequence>(
        _ context: Context, _ events: Events, _ service: any PeerService<Events.Element>,
        _ peers: any OpenPeers<Events.Element>, on bus: Bus, in program: Program,
        whenItEnds clean: @escaping @Sendable () -> Void = {}
    ) async throws -> ExitStatus where Events.Element: PeerEvent {
        program.atEnd { _ in
            clean()
            await context.unregister()
            service.end()
            await peers.closeAll()
            await peers.waitUntilFewer(than: 1)
        }
        program.reportStatus(of: bus)
        try await announce(context, program.report)
        if let lines = service as? TextLineService { lines.readInput { program.fail($0) } }
        return try await once
            ? serveOne(context, events, service, peers, program) : serveAll(context, events, service, peers, program)
    }

    /// Reports that callers can find the name, and before that, with `--standby`, that the listener waits for the name.
    func announce(_ context: Context, _ report: Report) async throws(Failure) {
        let (name, origin) = (context.name, context.origin)
        if context.status == .standby {
            try await report.event(Event.standby(name: name, origin: origin))
            await report.note("standing by for \(TerminalText.escaped(name))")
        }
        do throws(ConnectToError) {
            try await context.waitUntilRegistered()
        } catch {
            throw Failure(endOf: context)
        }
        try await report.event(Event.listening(name: name, origin: origin))
        await report.note("listening as \(TerminalText.escaped(name))")
    }

    /// Serves one peer, and returns when that peer has ended.
    private func serveOne<Events: AsyncSequence>(
        _ context: Context, _ events: Events, _ service: any PeerService<Events.Element>,
        _ peers: any OpenPeers<Events.Element>, _ program: Program
    ) async throws -> ExitStatus where Events.Element: PeerEvent {
        for try await event in events {
            let number = await peers.add(event)
            let reason = try await serve(event, number, service, peers, program)
            if let failure = Failure(reason, peer: event.peer.label) { throw failure }
            if let failure = await service.untakenFailure(of: event) { throw failure }
            return service.status
        }
        throw Failure(endOf: context)
    }

    /// Serves all peers until the context ends, then the peers that are still connected.
    private func serveAll<Events: AsyncSequence>(
        _ context: Context, _ events: Events, _ service: any PeerService<Events.Element>,
        _ peers: any OpenPeers<Events.Element>, _ program: Program
    ) async throws -> ExitStatus where Events.Element: PeerEvent {
        var events = events.makeAsyncIterator()
        while true {
            await peers.waitUntilFewer(than: service.limit)
            guard let event = try await events.next() else { break }
            let number = await peers.add(event)
            Task.onLoop {
                do {
                    let reason = try await serve(event, number, service, peers, program)
                    if [.protocolError, .outOfResources, .busy].contains(reason.code) {
                        let peer = TerminalText.escaped(event.peer.label)
                        await program.report.note("port \(number): \(peer): \(reason.detail)")
                    }
                } catch { program.fail(Failure(error)) }
            }
        }
        // A port that is open does not need the name: serve each to its end, then return.
        let failure = Failure(endOf: context)
        await program.report.failure(failure)
        await peers.waitUntilFewer(than: 1)
        return failure.status
    }

    /// Serves one peer to its end, and reports its connect and close events.
    private func serve<Served: PeerEvent>(
        _ event: Served, _ number: Int, _ service: any PeerService<Served>, _ peers: any OpenPeers<Served>,
        _ program: Program
    ) async throws -> CloseReason {
        try await program.report.event(Event.connect(event.peer, port: number))
        let reason = try await service.serve(event, number)
        try await program.report.event(Event.close(port: number, reason: reason))
        await peers.remove(number)
        return reason
    }
}
