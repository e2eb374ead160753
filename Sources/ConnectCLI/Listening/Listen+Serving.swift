import ConnectTo

extension Listen {
    /// Serves one peer, and ends with it.
    func serveOne(
        _ context: Context, _ service: any PeerService, _ ports: OpenPorts, _ program: Program
    ) async throws -> ExitStatus {
        for try await event in context.connectEvents {
            let number = await ports.add(event.source)
            let reason = try await serve(event, number, service, ports, program)
            let peer = event.peer.label
            if let failure = Failure(reason, peer: peer) { throw failure }
            // What it has not taken then is no loss.
            if event.source.peerWasDone { return service.status }
            let hasInputLeft = await service.hasInputLeft()
            let undelivered = event.source.undeliveredCount
            if raw, hasInputLeft { throw Failure.untaken(by: peer) }
            if undelivered > 0 || hasInputLeft {
                throw Failure.untaken(by: peer, undelivered: undelivered, hasRest: hasInputLeft)
            }
            return service.status
        }
        throw Failure(endOf: context)
    }

    /// Serves whoever comes, until the context ends, and then those that are there.
    func serveAll(
        _ context: Context, _ service: any PeerService, _ ports: OpenPorts, _ program: Program
    ) async throws -> ExitStatus {
        var events = context.connectEvents.makeAsyncIterator()
        while true {
            await ports.waitUntilFewer(than: service.limit)
            guard let event = try await events.next() else { break }
            let number = await ports.add(event.source)
            Task.onLoop {
                do {
                    let reason = try await serve(event, number, service, ports, program)
                    if [.protocolError, .outOfResources, .busy].contains(reason.code) {
                        let peer = TerminalText.escaped(event.peer.label)
                        await program.report.note("port \(number): \(peer): \(reason.detail)")
                    }
                } catch { program.fail(Failure(error)) }
            }
        }
        // Open lines need no name: they are served to their end, and then there is nothing left to do.
        let failure = Failure(endOf: context)
        await program.report.failure(failure)
        await ports.waitUntilFewer(than: 1)
        return failure.status
    }

    /// Serves one peer to its end, between its two events.
    private func serve(
        _ event: ConnectEvent, _ number: Int, _ service: any PeerService, _ ports: OpenPorts,
        _ program: Program
    ) async throws -> CloseReason {
        try await program.report.event(Event.connect(event.peer, port: number))
        let reason = try await service.serve(event, number)
        try await program.report.event(Event.close(port: number, reason: reason))
        await ports.remove(number)
        return reason
    }
}
