import ConnectTo

extension Listen {
    /// Serves one peer, and returns when that peer has ended.
    func serveOne<Events: AsyncSequence>(
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
    func serveAll<Events: AsyncSequence>(
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
