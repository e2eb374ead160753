import ConnectToLinux

extension LineState {
    /// One drain takes at most this many messages, and reads at most this often, before the others' turn.
    static let messagesPerDrain = 1_000
    private static let readsPerDrain = 16
    /// What each thing transferred, and each descriptor inside of one, costs beside it: so a full queue holds
    /// some 256 of them, and those of one message more.
    private static let transferOverhead = 4096
    /// From here on it is looked whether there is memory for what a message with transferred things is made into.
    private static let largeTable = 1 << 20

    /// What a peer that has hung up has left in the kernel is little, and is taken whole: so its end is noticed
    /// although the program takes nothing.
    private var inputIsFull: Bool { input.size >= limits.queuedInput && !peerHasHungUp }

    /// Whether what comes is to be read now. Before the port is started it stays with the kernel, unless
    /// something is to be learnt from it: that the peer is there, what it said before it went, or that it has finished
    /// too.
    ///
    /// Nothing is read for a port that nobody has seen: a peer could put ports into ports into ports, and each
    /// would be unpacked inside of the last. And nothing behind a close, but to notice that the peer has gone.
    var isReading: Bool {
        if life.isOver || isInTransit || inputIsFull { return false }
        if life.isLingering { return true }
        if life.inbound == .closed { return peerHasHungUp }
        return !isUnseen && (isStarted || peerHasHungUp || !life.isOpen || life.outbound == .finished)
    }

    mutating func start(for line: Line) {
        if isStarted { return }
        resumingReading(for: line) { $0.isStarted = true }
    }

    /// Does what may be a reason to read from here on.
    mutating func resumingReading(for line: Line, _ body: (inout LineState) -> Void) {
        let (interest, wasReading) = (interest, isReading)
        body(&self)
        if self.interest != interest { updateInterest() }
        // What was read before, by the port's owner before for one, is not told of again.
        if !wasReading, isReading { continueReading(for: line) }
    }

    /// Reads and cuts what the kernel has, within the bounds.
    mutating func readInput(for line: Line, _ wakeups: inout Wakeups) {
        var messages = 0
        var reads = 0
        settleInput()
        defer { isHeldUp = inputIsFull }
        while isReading {
            do {
                if messages >= Self.messagesPerDrain { return continueReading(for: line) }
                // Observers are to see each.
                if !reader.isAtRest, !life.dropsWhatComes, traffic?.isWatched != true,
                    let run = reader.nextRun(
                        atMost: Self.messagesPerDrain - messages, size: limits.queuedInput - input.size)
                {
                    messages += run.count
                    try take(run, for: line, &wakeups)
                    continue
                }
                if !reader.isAtRest, let frame = try reader.next() {
                    messages += frame.kind.isMessage ? 1 : 0
                    try take(frame, for: line, &wakeups)
                    continue
                }
                // The kernel had less than there was room for: there is nothing to ask it for.
                if !mayRead { return }
                if reads >= Self.readsPerDrain { return continueReading(for: line) }
                reads += 1
                guard let socket else {
                    // It was over before it came here, and all that it had to tell has been told.
                    apply(life.didReachEnd(), to: line, &wakeups)
                    return
                }
                let isShort = DescriptorBudget.isSpent && !life.dropsWhatComes
                if isShort {
                    guard let areNext = socket.descriptorsAreNext else {
                        mayRead = false
                        return
                    }
                    if areNext { return waitForBudget(line) }
                }
                if let tally, !tally.mayRead(holding: inputHeld, line) { return }
                // Then no further than to the next frame, for descriptors may ride on that.
                var room = try reader.room(sparingly: tally?.isFull == true)
                if isShort { room = .init(rebasing: room.prefix(reader.missing)) }
                switch try socket.receive(into: room) {
                case .received(let received):
                    traffic?.didReceive(received.count)
                    // Behind descriptors the kernel makes a stop, whatever follows; and the end is told apart.
                    mayRead =
                        received.count == room.count || !received.descriptors.isEmpty || peerHasHungUp
                    directWritesLeft = Self.directWrites
                    // The first byte is an answer to the introduction.
                    apply(life.didOpen(), to: line, &wakeups)
                    switch received.controlFault {
                    case nil: break
                    case .violation(let rule)?: throw ProtocolViolation(rule)
                    case .descriptorsLost?:
                        apply(life.fail(.descriptorsLost), to: line, &wakeups)
                        return
                    }
                    if isShort, !received.descriptors.isEmpty {
                        throw ProtocolViolation("descriptors that were hidden from a look ahead")
                    }
                    reader.didReceive(received.count, received.descriptors)
                    countDescriptors()
                case .wouldBlock:
                    mayRead = false
                    return
                case .ended(let unread):
                    // It can be read again, and is where the port was not open yet.
                    mayRead = true
                    apply(life.didReachEnd(unread: unread), to: line, &wakeups)
                    return
                }
            } catch let violation as ProtocolViolation {
                apply(life.fail(.protocolError(violation)), to: line, &wakeups)
            } catch {
                apply(life.fail(.failed(error)), to: line, &wakeups)
            }
        }
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

    /// Leaves what comes with descriptors to the kernel, until programs have taken some that wait.
    private mutating func waitForBudget(_ line: Line) {
        if waitsForBudget { return }
        waitsForBudget = true
        DescriptorBudget.whenThereIsRoom {
            line.reactor.execute {
                line.change { state, wakeups in
                    state.waitsForBudget = false
                    state.readInput(for: line, &wakeups)
                }
                DescriptorBudget.callNext()
            }
        }
        if DescriptorBudget.isScarce { lookForRoom(line) }
    }

    /// What the program closes of its own makes room too, and tells nobody. A line that has ended looks no more.
    private func lookForRoom(_ line: Line) {
        line.reactor.schedule(after: .milliseconds(10)) {
            DescriptorBudget.callNext()
            line.change { state, _ in
                if state.waitsForBudget, state.socket != nil { state.lookForRoom(line) }
            }
        }
    }

    private mutating func take(
        _ frame: FrameReader.Frame, for line: Line, _ wakeups: inout Wakeups
    ) throws {
        // The rest is read only so that the peer can get on and read ours, and for its end.
        if life.dropsWhatComes { return }
        let effects: PortLife.Effects
        switch frame.kind {
        case .bytes, .text, .json:
            effects = try life.didReceiveMessages(1)
            let (message, cost) = try message(frame, for: line)
            if let traffic {
                message.withUnsafeBytes {
                    traffic.record(.received, frame.kind, $0, transferred: message.transferred.count)
                }
            }
            input.append(message, cost)
            announce(1, for: line, &wakeups)
        case .finish:
            effects = try life.didReceiveFinish()
        case .close:
            let taken = frame.payload.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
            effects = try life.didReceiveClose(taken: UInt64(littleEndian: taken))
        }
        apply(effects, to: line, &wakeups)
    }

    private mutating func take(
        _ run: InputQueue.Run, for line: Line, _ wakeups: inout Wakeups
    ) throws(ProtocolViolation) {
        let effects = try life.didReceiveMessages(run.count)
        input.append(run)
        announce(run.count, for: line, &wakeups)
        apply(effects, to: line, &wakeups)
    }

    /// There are so many messages more: a taker for each, or the handler.
    private mutating func announce(_ count: Int, for line: Line, _ wakeups: inout Wakeups) {
        if handlers.message != nil { return deliverLater(for: line) }
        for _ in 0..<count {
            guard let consumer = waiters.removeFirst(.input) else { return }
            wakeups.add(consumer)
        }
    }

    /// A message of its frame, and what it counts against the bound while it waits.
    func message(_ frame: FrameReader.Frame, for line: Line) throws -> (Message, InputQueue.Cost) {
        let size = FrameHeader.size + frame.payload.count
        guard let descriptors = frame.descriptors else {
            return (Message(frame.kind, frame.payload), InputQueue.Cost(size: size))
        }
        var length = 0
        // What ports in it have read and not delivered is copied into arrays.
        if size > Self.largeTable, !PageMemory.hasRoom(for: size) { throw OutOfMemory(size: size) }
        let table = try frame.payload.withUnsafeBytes { bytes throws(ProtocolViolation) in
            try TransferTable(decoding: bytes, descriptors, length: &length)
        }
        // The table stays, as what the lines in it have to read yet.
        return (
            Message(frame.kind, frame.payload.dropFirst(length), transferred: try line.adopt(table)),
            InputQueue.Cost(
                size: size + max(1, table.items.count, descriptors.count) * Self.transferOverhead,
                descriptors: table.ownDescriptorCount)
        )
    }
}
