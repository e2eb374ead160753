import ConnectTo
import ConnectToLinux
import ConnectToMessaging

extension StateCore {
    /// Adds a line, on which nothing is sent yet.
    ///
    /// - Parameter name: nil where the name is to be unique whatever is taken.
    mutating func add(_ name: String, _ messenger: Messenger, isShared: Bool, limits: StateLimits) -> Int {
        if let known = lineIDs[ObjectIdentifier(messenger)] { return known }
        lastLine += 1
        var unique = name
        var number = 1
        while lines.values.contains(where: { $0.name == unique }) {
            number += 1
            unique = "\(name)#\(number)"
        }
        lines[lastLine] = StateLine(unique, messenger, isShared: isShared, limits: limits)
        lineIDs[ObjectIdentifier(messenger)] = lastLine
        return lastLine
    }

    /// Begins to replicate on a line.
    mutating func open(_ id: Int) -> Wakeups {
        guard let line = lines[id], !line.isOpen else { return Wakeups() }
        lines[id]?.isOpen = true
        var wakeups = tell(.connected(line.name))
        wakeups.add(perform(replication.open(id), from: .local))
        if !presence.everything.isEmpty { sendPresence(presence.everything, on: id) }
        return wakeups
    }

    /// A piece of a message has come.
    mutating func receive(_ payload: Payload, on id: Int) -> Wakeups {
        var wakeups = open(id)
        guard let name = lines[id]?.name else { return wakeups }
        do throws(StateViolation) {
            guard payload.kind == .bytes else { throw StateViolation("a message between replicas is not bytes") }
            guard let message = try lines[id]?.assembly.take(payload.bytes) else { return wakeups }
            let effects = try replication.receive(message, from: id)
            wakeups.add(perform(effects, from: .peer(name)))
            if brings(message) { wakeups.add(synchronized(id)) }
            if let result = effects.audit { wakeups.add(audited(id, result)) }
        } catch {
            wakeups.add(refuse(id, because: error.message))
        }
        return wakeups
    }

    /// Whether with a message that was received all is here that the other side had.
    private func brings(_ message: Replication.Message) -> Bool {
        switch message {
        case .hello(let hello): hello.vector == document.vector.fingerprint
        case .vector(let vector): document.vector.covers(vector)
        case .delta: true
        default: false
        }
    }

    private mutating func synchronized(_ id: Int) -> Wakeups {
        guard let line = lines[id], !line.isSynchronized else { return Wakeups() }
        lines[id]?.isSynchronized = true
        var wakeups = tell(.synchronized(line.name))
        wakeups.synchronized.append(line.synchronized)
        return wakeups
    }

    /// The other side has broken a rule: the line ends, and nothing else.
    mutating func refuse(_ id: Int, because reason: String) -> Wakeups {
        guard let line = lines[id] else { return Wakeups() }
        var wakeups = end(
            id, CloseReason(.protocolError, detail: "the peer broke the protocol of shared state: \(reason)"))
        wakeups.refused.append((line.messenger, line.name, reason))
        return wakeups
    }

    /// A line has ended.
    mutating func end(_ id: Int, _ reason: CloseReason) -> Wakeups {
        guard let line = lines.removeValue(forKey: id) else { return Wakeups() }
        lineIDs[ObjectIdentifier(line.messenger)] = nil
        replication.close(id)
        line.synchronized.set(false)
        audits.removeValue(forKey: id)?.set(nil)
        stopListening(to: line.messenger.handlers)
        guard line.isOpen else { return Wakeups() }
        var wakeups = tell(.disconnected(line.name, reason))
        wakeups.add(share(presence.end(of: id)))
        return wakeups
    }

    // MARK: Sending

    mutating func send(_ pieces: [OutgoingMessage], on id: Int) -> Wakeups {
        for piece in pieces { lines[id]?.send(piece) }
        return pauseOrAsk(id)
    }

    /// The other side has taken what was sent up to there.
    mutating func taken(_ id: Int, upTo bytes: Int) -> Wakeups {
        lines[id]?.taken(upTo: bytes)
        var wakeups = Wakeups()
        if let line = lines[id], line.isPaused, !line.hasBacklog {
            lines[id]?.isPaused = false
            wakeups.add(perform(replication.resume(id), from: .local))
            sendPresence(presence.everything, on: id)
        }
        wakeups.add(pauseOrAsk(id))
        return wakeups
    }

    private mutating func pauseOrAsk(_ id: Int) -> Wakeups {
        var wakeups = Wakeups()
        guard let line = lines[id] else { return wakeups }
        if line.hasBacklog {
            lines[id]?.isPaused = true
            replication.pause(id)
            // It asks again and again for everything, and takes none of it.
            if line.backlogBytes > document.limits.messageBytes {
                return refuse(id, because: "it has asked for more than a state can hold, and has not taken it")
            }
        }
        if let bytes = lines[id]?.barrier() { wakeups.barriers.append((id, line.messenger, bytes)) }
        return wakeups
    }

    func tell(_ change: PeerChange) -> Wakeups {
        var wakeups = Wakeups()
        for loop in peerLoops.values {
            loop.add(change)
            wakeups.peers.append(loop)
        }
        return wakeups
    }

    // MARK: Listening

    mutating func stopListening(to handlers: Handlers) {
        let key = ObjectIdentifier(handlers)
        guard let count = listening[key]?.lines else { return }
        if count > 1 {
            listening[key]?.lines = count - 1
        } else {
            listening.removeValue(forKey: key)?.cancel()
        }
    }
}

extension StateListening {
    func cancel() {
        for subscription in subscriptions { subscription.cancel() }
    }
}
