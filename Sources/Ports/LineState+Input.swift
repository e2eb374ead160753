import DequeModule
import LinuxIO

extension LineState {
    /// One drain takes at most this many messages, and reads at most this often, before the others' turn.
    static let messagesPerDrain = 1_000
    private static let readsPerDrain = 16
    /// What a queued message costs beside its payload, so that a flood of empty ones is bounded too.
    private static let messageOverhead = 64
    /// What each thing transferred, and each descriptor inside of one, costs beside it: so a full queue holds
    /// some 256 of them, and those of one message more.
    private static let transferOverhead = 4096

    /// What a peer that has hung up has left in the kernel is little, and is taken whole: so its end is noticed
    /// although the program takes nothing.
    private var inputIsFull: Bool { inputSize >= limits.queuedInput && !peerHasHungUp }

    /// Whether what comes is to be read now. Before the port is started it stays with the kernel, unless
    /// something is to be learnt from it: that the peer is there, or what it said before it went.
    ///
    /// Nothing is read for a port that nobody has seen: a peer could put ports into ports into ports, and each
    /// would be unpacked inside of the last.
    private var isReading: Bool {
        if life.isOver || isInTransit || inputIsFull || life.format == .stream { return false }
        return life.isLingering || !isUnseen && (isStarted || peerHasHungUp || !life.isOpen)
    }

    /// Looks at what the kernel has told: reads, or on a stream, where nothing is read, takes note of the end.
    mutating func noticeInput(for line: Line, _ wakeups: inout Wakeups) {
        if life.format == .messages { return readInput(for: line, &wakeups) }
        if peerHasHungUp { apply(life.didReachEnd(), to: line, &wakeups) }
    }

    /// Reads and cuts what the kernel has, within the bounds.
    mutating func readInput(for line: Line, _ wakeups: inout Wakeups) {
        var messages = 0
        var reads = 0
        defer { countInput() }
        while isReading {
            do {
                if messages >= Self.messagesPerDrain { return continueReading(for: line) }
                if let frame = try reader.next() {
                    messages += frame.kind.isMessage ? 1 : 0
                    try take(frame, for: line, &wakeups)
                    continue
                }
                if reads >= Self.readsPerDrain { return continueReading(for: line) }
                reads += 1
                guard let socket else {
                    // It was over before it came here, and all that it had to tell has been told.
                    apply(life.didReachEnd(), to: line, &wakeups)
                    return
                }
                if let tally, !tally.mayRead(holding: inputHeld, line) { return }
                switch try socket.receive(into: reader.room()) {
                case .received(let received):
                    mayRead = true
                    // The first byte is an answer to the introduction.
                    apply(life.didOpen(), to: line, &wakeups)
                    if let violation = received.controlViolation { throw ProtocolViolation(violation) }
                    reader.didReceive(received.count, received.descriptors)
                case .wouldBlock:
                    mayRead = false
                    return
                case .ended:
                    mayRead = false
                    apply(life.didReachEnd(), to: line, &wakeups)
                    return
                }
            } catch let violation as ProtocolViolation {
                apply(life.fail(.protocolError(violation)), to: line, &wakeups)
            } catch {
                apply(life.fail(.failed(error)), to: line, &wakeups)
            }
        }
    }

    /// Bytes of input here, in messages that wait and in what has not been cut.
    private var inputHeld: Int { inputSize + reader.held }

    /// Tells what is held to whoever counts it for several lines.
    func countInput() {
        tally?.count(inputHeld, isBetweenMessages: reader.isAtRest)
    }

    /// Goes on with reading in a later turn, so that one flood does not starve the other ports and timers.
    mutating func continueReading(for line: Line) {
        if readingIsDue { return }
        readingIsDue = true
        line.reactor.execute {
            line.change { state, wakeups in
                state.readingIsDue = false
                state.readInput(for: line, &wakeups)
            }
        }
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
            if handlers.message == nil {
                wakeups.add(consumers.removeFirst(), ())
            } else {
                deliverLater(for: line)
            }
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
            frame.kind, frame.payload.dropFirst(length), transferred: try line.adopt(table),
            baggage: baggage)
    }

    /// What a queued message counts against the bound, with what the ports in it have brought along.
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
            let before = inputSize
            inputSize -= cost(of: message)
            // Not for each of many short ones.
            if let tally, input.isEmpty || tally.counted - inputHeld > 64 << 10 { countInput() }
            // Not as soon as there is room for one: that would be a turn of the loop for each message.
            let half = limits.queuedInput / 2
            if before > half, inputSize <= half, mayRead { continueReading(for: line) }
            if !message.transferred.isEmpty {
                for port in message.ports { wakeups.add { port.line.wasSeen() } }
            }
            apply(life.didTake(), to: line, &wakeups)
            if handlers.close != nil { deliverLater(for: line) }
            return .message(message)
        }
        return hasNews ? .end(life.reason) : .nothing
    }
}
