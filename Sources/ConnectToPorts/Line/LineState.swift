import ConnectToLinux
import Glibc

/// All that a ``Line`` guards with its lock. Its methods run inside the lock and never resume a task themselves.
struct LineState: ~Copyable {
    let limits: PortLimits
    /// Nil once the line is over: then the descriptor is closed.
    var socket: StreamSocket? {
        didSet { if socket == nil { traffic = nil } }
    }
    /// Counts the bytes on the socket, if they are counted.
    var traffic: Traffic.Share?
    var source: Reactor.Source?
    var life: PortLife

    var reader: FrameReader
    /// Counts the memory that the line holds against a budget, where the line shares one with others.
    var tally: MemoryTally?
    /// Bytes of messages that the program has taken and has declared as not yet passed on.
    var inHand = 0
    var input = InputQueue()
    /// The one ``Taker`` that messages go to, if there is one. Input is lent only to this taker or to the message
    /// handler; where there is neither, nothing is lent.
    var taker: ObjectIdentifier?
    var isStarted = false
    /// The kernel may hold input: since the last event, no read has found it empty.
    var mayRead = false
    /// Reading has stopped because the queue is full.
    var isHeldUp = false
    /// The loop will read in a later turn.
    var readingIsDue = false
    /// The line has asked to be called when the ``DescriptorBudget`` has room.
    var waitsForBudget = false
    /// How many descriptors the ``DescriptorBudget`` counts for this line.
    private var countedDescriptors = 0
    /// epoll has reported that the peer writes no more.
    var peerHasHungUp = false
    /// The port arrived with a message that the program has not taken yet.
    var isUnseen = false
    /// At most this many descriptors in the output arrived inside of this port: the peer sent them.
    var broughtDescriptors = 0
    /// The port has been taken out for a transfer that is not complete: the line neither reads nor writes.
    var isInTransit = false

    var output = OutputQueue()
    /// Bytes of the finish and close frames that have been queued: the only output that does not belong to messages.
    var queuedControl = 0
    /// The kernel took no more output; an event, a timer or another attempt ends this state.
    var isBlocked = false
    /// epoll has been asked to report when there is room.
    var isAwaitingRoom = false
    /// Writing has failed: the peer has gone, or has shut down its reading at least.
    var peerReadsNoMore = false
    /// Gathered messages will be written at the end of the loop's turn, or within 100 microseconds.
    var flushIsDue = false
    /// See ``gather(_:_:)``.
    var gatherRoom = 0
    /// See ``writesDirectly(_:_:)``.
    var directWritesLeft = 0
    var lastTick: UInt64 = 0
    var lastDirectTurn: UInt64 = 0
    private var lingerTimer: Reactor.Timer?

    var waiters = Waiters()

    var handlers = PortHandlers()
    /// The program has dropped its last reference to the port.
    var isForgotten = false
    /// The loop is calling handlers, or will call them soon.
    var deliveryIsDue = false
    /// The loop is handling an epoll event, and calls the handlers itself afterwards if ``mustDeliver`` is set.
    var isInEvent = false
    var mustDeliver = false

    init(
        socket: StreamSocket?, isOpen: Bool, limits: PortLimits, tally: MemoryTally? = nil
    ) {
        self.socket = socket
        self.limits = limits
        self.tally = tally
        life = PortLife(isOpen: isOpen)
        reader = FrameReader(lengthLimit: limits.messageLength)
    }

    // MARK: What is watched

    var interest: Readiness {
        var interest = Readiness.peerHangup.union(.edge)
        if isStarted || life.isLingering || !life.isOpen || life.outbound == .finished { interest.insert(.read) }
        if isBlocked { interest.insert(.write) }
        return interest
    }

    mutating func updateInterest() {
        isAwaitingRoom = isBlocked
        source?.change(to: interest)
    }

    /// A taker need not wait: there is a message, or the messages have ended.
    var hasNews: Bool { !input.isEmpty || life.inputHasEnded && !isInTransit }

    /// All posted messages have been handed to the kernel on an open port, or the socket is gone.
    var isFlushed: Bool {
        if isInTransit { return false }
        return socket == nil || life.isOpen && !life.isLingering && output.isEmpty
    }

    /// Brings counts and bounds up to date; to be called after each change.
    mutating func didChange() {
        countDescriptors()
        if tally != nil { countMemory() }
        measureGatherRoom()
    }

    // MARK: What is held

    /// Bytes of received input: messages that wait, and bytes that have not been cut into frames.
    var inputHeld: Int { input.size + reader.held }

    /// Reports changes to the ``MemoryBudget``.
    private mutating func countMemory() {
        // A port inside of a message that has not been taken is counted as a part of that message.
        if isUnseen { return }
        tally?.count(
            incoming: input.size + reader.reserved, outgoing: output.count + inHand, isBetweenMessages: reader.isAtRest)
    }

    /// Reports changes to the ``DescriptorBudget``.
    mutating func countDescriptors() {
        count(
            descriptors: input.descriptorCount + reader.descriptorCount
                + (isUnseen ? 0 : min(broughtDescriptors, output.descriptorCount)))
    }

    /// The line is being deallocated, and holds no descriptors.
    mutating func forgetDescriptors() {
        count(descriptors: 0)
    }

    private mutating func count(descriptors count: Int) {
        if count == countedDescriptors { return }
        let change = count - countedDescriptors
        countedDescriptors = count
        DescriptorBudget.count(change)
    }

    // MARK: Consequences

    mutating func apply(_ effects: PortLife.Effects, to line: Line, _ wakeups: inout Wakeups) {
        if effects.isEmpty { return }
        if effects.contains(.announceOpen) {
            waiters.resume(.opening, in: &wakeups)
            waiters.resume(.flush, in: &wakeups)
            if !isStarted { updateInterest() }
        }
        if effects.contains(.dropInput) {
            input.removeAll()
            countClaims()
        }
        do throws(OutOfMemory) {
            if effects.contains(.sendFinish) { try enqueue(FrameHeader(.finish, length: 0)) }
            if effects.contains(.sendClose) {
                let word = life.taken.littleEndian
                try enqueue(FrameHeader(.close, length: FrameHeader.closePayloadSize), word: word)
            }
        } catch {
            apply(life.fail(.failed(error)), to: line, &wakeups)
        }
        if effects.contains(.dropOutput) { dropOutput() }
        if effects.contains(.announceEnd) { announceEnd(for: line, &wakeups) }
        if effects.contains(.hangUp) { hangUp(&wakeups) }
        if life.isOver { stopWaitingForBudgets(line) }
        if !effects.isDisjoint(with: [.announceOpen, .sendFinish, .sendClose, .linger]) {
            writeOutput(for: line, &wakeups)
            if life.isLingering, life.isOpen {
                // From here on the line reads all that the peer writes, even if it is not started or its queue is full.
                updateInterest()
                linger(line)
            }
        }
    }

    private mutating func announceEnd(for line: Line, _ wakeups: inout Wakeups) {
        waiters.resume(.input, in: &wakeups)
        forgetHandlers(&wakeups)
        deliverLater(for: line)
        if life.reason != nil {
            waiters.resume(.opening, in: &wakeups)
            waiters.resume(.end, in: &wakeups)
            waiters.resume(.room, in: &wakeups)
        }
    }

    private mutating func hangUp(_ wakeups: inout Wakeups) {
        waiters.resume(.flush, in: &wakeups)
        lingerTimer?.cancel()
        lingerTimer = nil
        // Discard bytes and descriptors that were received and not cut into frames: no taker will get them.
        reader = FrameReader(lengthLimit: limits.messageLength)
        // Cancel the source before closing the descriptor: epoll removes only descriptors that are open. Release both
        // outside of the lock, since the last reference to the line may go with the source.
        let (socket, source) = (socket, source)
        self.socket = nil
        self.source = nil
        wakeups.add {
            socket?.shutdown()
            source?.cancel()
            withExtendedLifetime(socket) {}
        }
    }

    /// Gives up on a peer that reads nothing for a while. The kernel gives room back only in the pieces that were
    /// written, up to some 36 KiB each, so a peer that reads less looks like one that reads nothing.
    private mutating func linger(_ line: Line) {
        lingerTimer?.cancel()
        let before = output.count
        lingerTimer = line.reactor.schedule(after: limits.linger) {
            line.change { state, wakeups in
                // Try to write: epoll reports room only where there is much, and a peer that reads slowly makes little.
                state.isBlocked = false
                state.writeOutput(for: line, &wakeups)
                if state.life.isOver { return }
                if state.output.count < before {
                    state.linger(line)
                } else {
                    state.apply(state.life.fail(.notTaken(state.limits.linger)), to: line, &wakeups)
                }
            }
        }
    }

    /// Discards the queued output, which the peer will not read.
    mutating func dropOutput() {
        // No message follows a finish or close frame. So if more bytes wait than those frames have, messages are lost.
        if output.count > queuedControl { life.didLoseMessages() }
        output.removeAll()
    }

    private mutating func enqueue(_ header: FrameHeader, word: UInt64? = nil) throws(OutOfMemory) {
        queuedControl += FrameHeader.size + (word == nil ? 0 : FrameHeader.closePayloadSize)
        guard var word else { return try output.append(header, UnsafeRawBufferPointer(start: nil, count: 0)) }
        try withBytes(of: &word) { bytes throws(OutOfMemory) in try output.append(header, bytes) }
    }
}
