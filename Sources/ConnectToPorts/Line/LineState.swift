import ConnectToLinux
import Glibc

/// All that a ``Line`` guards with its lock. Called inside the lock; wakes nobody itself.
struct LineState: ~Copyable {
    let limits: PortLimits
    /// Nil once the line is over: then the descriptor is closed.
    var socket: StreamSocket? {
        didSet { if socket == nil { traffic = nil } }
    }
    /// Where what goes over the socket is counted, if it is.
    var traffic: Traffic.Share?
    var source: Reactor.Source?
    var life: PortLife

    var reader: FrameReader
    /// What is held, where it is counted together with others'.
    var tally: MemoryTally?
    /// Bytes of messages that the program has taken, and of which it says that it has not passed them on yet.
    var inHand = 0
    var input = InputQueue()
    /// The one ``Taker`` that messages go to, if there is one. What is lent of the input is lent to it, or to the
    /// message handler, and to nobody where there is neither.
    var taker: ObjectIdentifier?
    var isStarted = false
    /// The kernel may hold input: it has not said since that there is none.
    var mayRead = false
    /// Reading has stopped because the queue is full.
    var isHeldUp = false
    /// The loop will read in a later turn.
    var readingIsDue = false
    /// Stands in the queue for room in the ``DescriptorBudget``.
    var waitsForBudget = false
    /// What of the ``DescriptorBudget`` this line has been counted for.
    private var countedDescriptors = 0
    /// The kernel has said that the peer writes no more.
    var peerHasHungUp = false
    /// Came with a message that nobody has taken.
    var isUnseen = false
    /// So many descriptors in the output, at the most, came inside of this port: they are the peer's doing.
    var broughtDescriptors = 0
    /// Taken out, and not yet with another port: stands still.
    var isInTransit = false

    var output = OutputQueue()
    /// Bytes of finish and close frames that were queued: of the output, all that does not belong to messages.
    var queuedControl = 0
    /// The kernel took no more; it will say when it does.
    var isBlocked = false
    /// The kernel has been asked to say.
    var isAwaitingRoom = false
    /// Writing has failed: the peer has gone, or has shut down its reading at least.
    var peerReadsNoMore = false
    /// What has been gathered will be written, at the end of the loop's turn or in a moment.
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
    /// The program has no reference to the port any more.
    var isForgotten = false
    /// The loop is calling handlers, or will in a moment.
    var deliveryIsDue = false
    /// The loop is looking at what the kernel has told, and will call the handlers itself if they must be.
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

    /// Whoever takes messages need not wait.
    var hasNews: Bool { !input.isEmpty || life.inputHasEnded && !isInTransit }

    /// Nothing posted is left in this process's hands.
    var isFlushed: Bool {
        if isInTransit { return false }
        return socket == nil || life.isOpen && !life.isLingering && output.isEmpty
    }

    /// To be called after each change.
    mutating func didChange() {
        countDescriptors()
        if tally != nil { countMemory() }
        measureGatherRoom()
    }

    // MARK: What is held

    /// Bytes of input here, in messages that wait and in what has not been cut.
    var inputHeld: Int { input.size + reader.held }

    /// Tells the ``MemoryBudget`` what has changed.
    private mutating func countMemory() {
        // Inside of a message that nobody has taken it counts with that.
        if isUnseen { return }
        tally?.count(
            incoming: input.size + reader.reserved, outgoing: output.count + inHand, isBetweenMessages: reader.isAtRest)
    }

    /// Tells the ``DescriptorBudget`` what has changed.
    mutating func countDescriptors() {
        count(
            descriptors: input.descriptorCount + reader.descriptorCount
                + (isUnseen ? 0 : min(broughtDescriptors, output.descriptorCount)))
    }

    /// The line is no more, and holds nothing.
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
            settleInput()
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
        if !effects.isDisjoint(with: [.announceOpen, .sendFinish, .sendClose, .linger]) {
            writeOutput(for: line, &wakeups)
            if life.isLingering, life.isOpen {
                // What the peer writes is taken in from here on, started or not, full or not.
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
        // What was received and not cut, descriptors too, is nobody's.
        reader = FrameReader(lengthLimit: limits.messageLength)
        // The source goes before the descriptor: epoll forgets only what is open. And both are let go outside
        // of the lock, since the last reference to the line may go with the source.
        let (socket, source) = (socket, source)
        self.socket = nil
        self.source = nil
        wakeups.add {
            socket?.shutdown()
            source?.cancel()
            withExtendedLifetime(socket) {}
        }
    }

    /// Gives up on a peer that takes nothing for a while. The kernel gives room back by the pieces that were written,
    /// some 36 KiB at the most, so one that reads fewer looks like one that reads none.
    private mutating func linger(_ line: Line) {
        lingerTimer?.cancel()
        let before = output.count
        lingerTimer = line.reactor.schedule(after: limits.linger) {
            line.change { state, wakeups in
                // The kernel says so only where there is much room; one that reads slowly makes a little.
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

    /// Nobody will read what waits.
    mutating func dropOutput() {
        // Behind finish and close no message comes.
        if output.count > queuedControl { life.didLoseMessages() }
        output.removeAll()
    }

    private mutating func enqueue(_ header: FrameHeader, word: UInt64? = nil) throws(OutOfMemory) {
        queuedControl += FrameHeader.size + (word == nil ? 0 : FrameHeader.closePayloadSize)
        guard var word else { return try output.append(header, UnsafeRawBufferPointer(start: nil, count: 0)) }
        try withBytes(of: &word) { bytes throws(OutOfMemory) in try output.append(header, bytes) }
    }
}
