import ConnectToLinux

extension LineState {
    /// One drain takes at most this many messages, and reads at most this often, before other ports have their turn.
    static let messagesPerDrain = 1_000
    private static let readsPerDrain = 16
    /// Nor does it go on reading or writing once it has moved this many bytes, which takes some 50 microseconds: about
    /// what a socket's buffer holds, so that a turn more costs little beside the copy.
    static let bytesPerDrain = 256 << 10
    /// What each transferred thing, and each descriptor inside of one, counts in addition to its bytes. So a full queue
    /// holds some 256 of them, and those of one message more.
    private static let transferOverhead = 4096
    /// For a frame with a transfer table that is longer than this, check first whether there is memory to unpack the
    /// frame.
    private static let largeTable = 1 << 20

    /// A peer that has hung up has left little in the kernel, and all of that is read: so the line notices the peer's
    /// end although the program takes nothing.
    private var inputIsFull: Bool { input.size >= limits.queuedInput && !peerHasHungUp }

    /// Whether the line is to read input now. Before the port is started, input stays with the kernel, unless the line
    /// has to learn something from it: that the peer is there, what the peer said before it went, or that the peer has
    /// finished too.
    ///
    /// Nothing is read for a port that the program has not taken yet: a peer could nest ports in ports without end, and
    /// each would be unpacked inside of the last. Nothing is read after a close frame either, except to notice that the
    /// peer has gone.
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

    /// Makes a change after which the line may have to read, and then goes on with reading if it has to.
    mutating func resumingReading(for line: Line, _ body: (inout LineState) -> Void) {
        let (interest, wasReading) = (interest, isReading)
        body(&self)
        if self.interest != interest { updateInterest() }
        // epoll does not report bytes again that were read before, for example by the port's former owner: process them
        // now.
        if !wasReading, isReading { continueReading(for: line) }
    }

    /// Reads what the kernel has and cuts it into messages, within the bounds.
    mutating func readInput(for line: Line, _ wakeups: inout Wakeups) {
        var messages = 0
        var reads = 0
        var left = Self.bytesPerDrain
        countClaims()
        defer { isHeldUp = inputIsFull }
        while isReading {
            do {
                if messages >= Self.messagesPerDrain { return continueReading(for: line) }
                // While there are observers, messages are cut singly, so that each is recorded.
                if !reader.isAtRest, !life.dropsWhatComes, traffic?.isWatched != true,
                    let run = reader.nextRun(
                        atMost: Self.messagesPerDrain - messages, size: limits.queuedInput - input.size)
                {
                    messages += run.count
                    try process(run, for: line, &wakeups)
                    continue
                }
                if !reader.isAtRest, let frame = try reader.next() {
                    messages += frame.kind.isMessage ? 1 : 0
                    try process(frame, for: line, &wakeups)
                    continue
                }
                // The last read got less than there was room for, so the kernel has nothing left to read.
                if !mayRead { return }
                if reads >= Self.readsPerDrain || left <= 0 { return continueReading(for: line) }
                reads += 1
                guard let socket else {
                    // The line was over before this port received it, and all of its remaining input has been
                    // processed.
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
                // When descriptors are short, read only to the end of this frame, for descriptors may ride on the next
                // one.
                var room = try reader.room(atMost: tally?.isFull == true ? MemoryBudget.floor : .max)
                if isShort { room = .init(rebasing: room.prefix(reader.missing)) }
                switch try socket.receive(into: room) {
                case .received(let received):
                    traffic?.didReceive(received.count)
                    left -= received.count
                    // recvmsg stops after a segment that carries descriptors, and reports EOF separately: read again in
                    // both cases.
                    mayRead =
                        received.count == room.count || !received.descriptors.isEmpty || peerHasHungUp
                    directWritesLeft = Self.directWrites
                    // The first byte from the peer answers the introduction.
                    apply(life.didOpen(), to: line, &wakeups)
                    switch received.controlFault {
                    case nil: break
                    case .violation(let rule)?: throw ProtocolViolation("it sent \(rule)")
                    case .descriptorsLost?:
                        apply(life.fail(.descriptorsLost), to: line, &wakeups)
                        return
                    }
                    if isShort, !received.descriptors.isEmpty {
                        throw ProtocolViolation("it sent descriptors that it had hidden from a look at the socket")
                    }
                    reader.didReceive(received.count, received.descriptors)
                    countDescriptors()
                case .wouldBlock:
                    mayRead = false
                    return
                case .ended(let unread):
                    // EOF can be read again, and has to be where the port was not open yet.
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

    /// Goes on with reading in a later turn, so that one flooding peer does not starve the other ports and the timers.
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

    /// Leaves input that carries descriptors to the kernel, until programs have taken some of the descriptors that
    /// wait.
    private mutating func waitForBudget(_ line: Line) {
        if waitsForBudget { return }
        waitsForBudget = true
        DescriptorBudget.whenThereIsRoom(for: ObjectIdentifier(line)) {
            line.reactor.execute {
                line.change { state, wakeups in
                    state.waitsForBudget = false
                    state.readInput(for: line, &wakeups)
                }
                DescriptorBudget.callNext()
            }
        }
        if DescriptorBudget.isScarce { DescriptorBudget.lookForRoom(on: line.reactor) }
    }

    /// The line is over, and waits for room in no budget any more: otherwise a budget that stays full would keep it in
    /// memory.
    mutating func stopWaitingForBudgets(_ line: Line) {
        tally?.stopWaiting()
        if waitsForBudget { DescriptorBudget.stopWaiting(ObjectIdentifier(line)) }
        waitsForBudget = false
    }

    private mutating func process(
        _ frame: FrameReader.Frame, for line: Line, _ wakeups: inout Wakeups
    ) throws {
        // After a close, input is read only so that the peer is not stalled and can read our output, and to notice its
        // end.
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

    private mutating func process(
        _ run: MessageRun, for line: Line, _ wakeups: inout Wakeups
    ) throws(ProtocolViolation) {
        let effects = try life.didReceiveMessages(run.count)
        input.append(run)
        announce(run.count, for: line, &wakeups)
        apply(effects, to: line, &wakeups)
    }

    /// New messages have arrived: wakes one waiting taker for each, or schedules the message handler.
    private mutating func announce(_ count: Int, for line: Line, _ wakeups: inout Wakeups) {
        if handlers.message != nil { return deliverLater(for: line) }
        for _ in 0..<count {
            guard let consumer = waiters.removeFirst(.input) else { return }
            wakeups.add(consumer)
        }
    }

    /// Makes a message of its frame, and computes what the message counts against the bound while it waits.
    func message(_ frame: FrameReader.Frame, for line: Line) throws -> (Message, InputQueue.Cost) {
        let size = FrameHeader.size + frame.payload.count
        guard let descriptors = frame.descriptors else {
            return (Message(frame.kind, frame.payload), InputQueue.Cost(size: size))
        }
        var length = 0
        // Unpacking copies the undelivered input of the ports in the message into arrays.
        if size > Self.largeTable, !PageMemory.hasRoom(for: size) { throw OutOfMemory(size: size) }
        let table = try frame.payload.withUnsafeBytes { bytes throws(ProtocolViolation) in
            try TransferTable(decoding: bytes, descriptors, length: &length)
        }
        // The size includes the table, since it holds input that the ports in the message have yet to read.
        return (
            Message(frame.kind, frame.payload.dropFirst(length), transferred: try line.adopt(table)),
            InputQueue.Cost(
                size: size + max(1, table.items.count, descriptors.count) * Self.transferOverhead,
                descriptors: table.ownDescriptorCount)
        )
    }
}
