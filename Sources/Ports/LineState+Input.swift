import DequeModule
import LinuxIO

extension LineState {
    /// One drain takes at most this many messages, and reads at most this often, before the others' turn.
    private static let messagesPerDrain = 1_000
    private static let readsPerDrain = 16
    /// What a queued message costs beside its payload, so that a flood of empty ones is bounded too.
    private static let messageOverhead = 64
    /// What each thing transferred, and each descriptor inside of one, costs beside it: so a full queue holds
    /// some 256 of them, and those of one message more.
    private static let transferOverhead = 4096

    /// Nothing is read for a port that nobody has seen: a peer could put ports into ports into ports, and each
    /// would be unpacked inside of the last.
    private var mayReadInput: Bool {
        if isInTransit { return false }
        return life.isLingering || !isUnseen && (isStarted || peerHasHungUp || !life.isOpen)
    }

    var inputIsFull: Bool { inputSize >= limits.queuedInput }

    /// Reads and cuts what the kernel has, within the bounds.
    ///
    /// - Returns: whether it stopped because it was others' turn, and is to be called again.
    mutating func readInput(for line: Line, _ wakeups: inout Wakeups) -> Bool {
        // Each time that more arrives this is called; taking makes room, and calls again.
        guard mayReadInput, !inputIsFull else { return false }
        var messages = 0
        var reads = 0
        while !life.isOver {
            do {
                while let frame = try reader.next() {
                    try take(frame, for: line, &wakeups)
                    messages += frame.kind.isMessage ? 1 : 0
                    if life.isOver { return false }
                    if inputIsFull { return false }
                    if messages >= Self.messagesPerDrain { return true }
                }
                if reads >= Self.readsPerDrain { return true }
                reads += 1
                guard let socket else {
                    // It was over before it came here, and all that it had to tell has been told.
                    apply(life.didReachEnd(), to: line, &wakeups)
                    return false
                }
                switch try socket.receive(into: reader.room()) {
                case .received(let received):
                    if let violation = received.controlViolation { throw ProtocolViolation(violation) }
                    reader.didReceive(received.count, received.descriptors)
                case .wouldBlock:
                    mayRead = false
                    return false
                case .ended:
                    mayRead = false
                    apply(life.didReachEnd(), to: line, &wakeups)
                    return false
                }
            } catch let violation as ProtocolViolation {
                apply(life.fail(.protocolError(violation)), to: line, &wakeups)
            } catch {
                apply(life.fail(.failed(error)), to: line, &wakeups)
            }
        }
        return false
    }

    private mutating func take(
        _ frame: FrameReader.Frame, for line: Line, _ wakeups: inout Wakeups
    ) throws(ProtocolViolation) {
        // Closed here: the rest is read only so that the peer can get on and read ours.
        if life.isLingering { return }
        let effects: PortLife.Effects
        switch frame.kind {
        case .bytes, .text, .json:
            effects = try life.didReceiveMessage()
            let message = try message(frame, for: line)
            input.append(message)
            inputSize += cost(of: message)
            wakeups.add(consumers.removeFirst(), ())
        case .finish:
            effects = try life.didReceiveFinish()
        case .close:
            let taken = frame.payload.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
            effects = try life.didReceiveClose(taken: UInt64(littleEndian: taken))
        }
        apply(effects, to: line, &wakeups)
    }

    func message(_ frame: FrameReader.Frame, for line: Line) throws(ProtocolViolation) -> Message {
        guard let descriptors = frame.descriptors else { return Message(frame.kind, frame.payload) }
        var length = 0
        let table = try frame.payload.withUnsafeBytes { bytes throws(ProtocolViolation) in
            try TransferTable(decoding: bytes, descriptors, length: &length)
        }
        // The table stays, as what the lines in it have to read yet.
        let baggage = length + max(table.items.count, descriptors.count) * Self.transferOverhead
        return Message(
            frame.kind, frame.payload.dropFirst(length), transferred: try line.adopt(table), baggage: baggage)
    }

    /// What a queued message counts against the bound.
    func cost(of message: Message) -> Int {
        message.count + Self.messageOverhead + message.baggage
    }

    // MARK: Taking

    enum Take {
        case message(Message)
        /// Nothing yet: wait.
        case nothing
        /// There will be no more; the reason is nil where the peer has finished and the port lives on.
        case end(CloseReason?)
    }

    mutating func takeMessage(for line: Line, _ wakeups: inout Wakeups) -> Take {
        if let message = input.popFirst() {
            let wasFull = inputIsFull
            inputSize -= cost(of: message)
            if wasFull, !inputIsFull, mayRead { line.continueReading() }
            if !message.transferred.isEmpty {
                for port in message.ports { wakeups.add { port.line.wasSeen() } }
            }
            apply(life.didTake(), to: line, &wakeups)
            return .message(message)
        }
        return hasNews ? .end(life.reason) : .nothing
    }
}
