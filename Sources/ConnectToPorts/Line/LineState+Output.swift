import CConnectToLinux
import ConnectToLinux
import Glibc

extension LineState {
    /// How much may be gathered before it is written all the same.
    private static let gatherLimit = 64 << 10
    /// And how long, off the loop.
    private static let gatherTime = Duration.microseconds(100)
    /// How many messages go by themselves in one tick of the kernel's coarse clock, 1 to 10 ms.
    static let directWrites = 64

    /// Whether a message of this size may be queued now.
    func hasRoom(for size: Int, descriptors: Int = 0) -> Bool {
        output.isEmpty
            || output.count + FrameHeader.size + size <= limits.queuedOutput
                && output.descriptorCount + descriptors <= limits.queuedDescriptors && hasMemory
    }

    /// Whether the ``MemoryBudget`` lets more be queued.
    var hasMemory: Bool { output.count < MemoryBudget.floor || tally?.isFull != true }

    /// Whether `send`, which can wait for room, has it: half of the queue is left to callers that cannot wait. So a
    /// sender without end neither fills the queue nor keeps others out of it.
    ///
    /// Where the ``MemoryBudget`` is what keeps it waiting, the line is called when that has room.
    func hasRoomForSend(_ size: Int, _ line: Line) -> Bool {
        output.isEmpty
            || output.count <= limits.queuedOutput / 2
                && output.descriptorCount <= limits.queuedDescriptors / 2
                && tally?.mayQueue(holding: output.count, line) != false && hasRoom(for: size)
    }

    /// Why a message of this size cannot be posted, or nil. A port that is over takes everything and drops it.
    ///
    /// - Parameters:
    ///   - frames: the bytes of all frames, where the message is the longest of several.
    ///   - descriptors: how many ride on it.
    func postRefusal(_ size: Int, frames: Int? = nil, descriptors: Int = 0) -> PortError? {
        let hasRoom = hasRoom(
            for: frames.map { $0 - FrameHeader.size } ?? size, descriptors: descriptors)
        if life.takesPosts, size <= limits.sentMessageLength, hasRoom { return nil }
        return unusualPostRefusal(size, hasRoom)
    }

    /// The same for a message that may take the place of another.
    ///
    /// - Parameter growth: by how many bytes the queue would be longer. One that takes no more than it replaces has room
    ///   in a full queue too.
    func postRefusal(_ size: Int, growth: Int) -> PortError? {
        let hasRoom = growth <= 0 || hasRoom(for: growth - FrameHeader.size)
        if life.takesPosts, size <= limits.sentMessageLength, hasRoom { return nil }
        return unusualPostRefusal(size, hasRoom)
    }

    private func unusualPostRefusal(_ size: Int, _ hasRoom: Bool) -> PortError? {
        if size > limits.sentMessageLength {
            return .messageTooLarge(size, limit: limits.sentMessageLength)
        }
        if life.reason != nil { return nil }
        if life.outbound != .open { return .finishedAlready }
        return hasRoom ? nil : queueFull
    }

    var queueFull: PortError {
        hasMemory
            ? .queueFull(output.count, output.descriptorCount, limits: limits)
            : .queueFull(output.count)
    }

    /// Puts a short message behind others that wait, where nothing else is to be done.
    @inline(__always)
    mutating func gather(_ kind: FrameKind, _ payload: UnsafeRawBufferPointer) -> Bool {
        guard payload.count < gatherRoom, output.gather(FrameHeader(kind, length: payload.count), payload)
        else { return false }
        gatherRoom &-= FrameHeader.size &+ payload.count
        life.didPost(1)
        return true
    }

    /// For how many bytes ``gather(_:_:)`` is all: they are certain to be written later, and nobody can observe them.
    mutating func measureGatherRoom() {
        guard flushIsDue || isBlocked, life.takesPosts, traffic?.isTappable != true else {
            gatherRoom = 0
            return
        }
        var bound = isBlocked ? limits.queuedOutput : min(Self.gatherLimit, limits.queuedOutput)
        // What is counted together with others' is counted now and then.
        if tally != nil { bound = hasMemory ? min(bound, output.count + Self.gatherLimit) : 0 }
        gatherRoom = min(bound - output.count, limits.sentMessageLength) - FrameHeader.size
    }

    /// Sends a message, or queues it.
    ///
    /// A lone message is on its way when this returns: the calling thread writes it. Of many, one system call
    /// carries what has been gathered: on the loop until the end of its turn, elsewhere until 64 KiB are
    /// together or for 100 microseconds.
    mutating func send(
        _ header: FrameHeader, _ payload: UnsafeRawBufferPointer, keeping owner: PayloadOwner?, for line: Line,
        _ wakeups: inout Wakeups
    ) {
        if output.isEmpty, !isInTransit, writesDirectly(payload.count, line) {
            return writeDirectly(header, payload, keeping: owner, for: line, &wakeups)
        }
        do throws(OutOfMemory) {
            try output.append(header, payload, keeping: owner)
        } catch {
            life.didLoseMessages()
            return apply(life.fail(.failed(error)), to: line, &wakeups)
        }
        if output.count < Self.gatherLimit { return flushSoon(line) }
        // The kernel says that there is room when it has much; this is often earlier, and not another thread.
        if isAwaitingRoom { isBlocked = false }
        writeOutput(for: line, &wakeups)
    }

    /// Sends a message, or queues it for a newer one to take its place.
    mutating func send(
        _ header: FrameHeader, _ payload: UnsafeRawBufferPointer, keeping owner: PayloadOwner?, replacing key: String,
        for line: Line, _ wakeups: inout Wakeups
    ) {
        let isAlone = output.isEmpty && !isInTransit && writesDirectly(payload.count, line)
        output.append(header, payload, keeping: owner, replacing: key)
        if !isAlone, output.count < Self.gatherLimit { return flushSoon(line) }
        if isAwaitingRoom { isBlocked = false }
        writeOutput(for: line, &wakeups)
    }

    /// Whether a message goes by itself: a long one, the first in a turn of the loop, and elsewhere one that is
    /// not among many. Who answers what arrives is not held up either: each arrival gives new patience.
    private mutating func writesDirectly(_ size: Int, _ line: Line) -> Bool {
        if size >= Self.gatherLimit { return true }
        if line.reactor.isCurrent {
            let turn = line.reactor.turnNumber
            defer { lastDirectTurn = turn }
            return lastDirectTurn != turn
        }
        if directWritesLeft == 0 {
            let tick = clinux_coarse_nanoseconds()
            if tick == lastTick { return false }
            lastTick = tick
            directWritesLeft = Self.directWrites
        }
        directWritesLeft -= 1
        return true
    }

    private mutating func flushSoon(_ line: Line) {
        if flushIsDue || isBlocked { return }
        flushIsDue = true
        let flush: @Sendable () -> Void = {
            line.change { state, wakeups in
                state.flushIsDue = false
                state.writeOutput(for: line, &wakeups)
            }
        }
        if line.reactor.isCurrent {
            line.reactor.atTurnEnd(flush)
        } else {
            line.reactor.schedule(after: Self.gatherTime, flush)
        }
    }

    /// Sends messages that are frames already.
    mutating func send(_ batch: MessageBatch, for line: Line, _ wakeups: inout Wakeups) {
        if output.isEmpty, !isInTransit, !isBlocked, let frames = batch.onlyFrames {
            return withPieces(frames.bytes, nil) { pieces in
                writeDirectly(pieces, frames.count, for: line, &wakeups) { $0.append(frames) }
            }
        }
        for frames in batch.frames { output.append(frames) }
        if isAwaitingRoom { isBlocked = false }
        writeOutput(for: line, &wakeups)
    }

    /// Sends a message that descriptors go along with.
    mutating func send(_ segment: StreamPiece, for line: Line, _ wakeups: inout Wakeups) {
        output.append(segment)
        writeOutput(for: line, &wakeups)
    }

    private mutating func writeDirectly(
        _ header: FrameHeader, _ payload: UnsafeRawBufferPointer, keeping owner: PayloadOwner?, for line: Line,
        _ wakeups: inout Wakeups
    ) {
        var word = header.encoded
        withBytes(of: &word) { word in
            withPieces(word, payload) { pieces in
                writeDirectly(pieces, FrameHeader.size + payload.count, for: line, &wakeups) {
                    queue throws(OutOfMemory) in
                    try queue.append(header, payload, keeping: owner)
                }
            }
        }
    }

    /// Writes what is in no queue; what the kernel does not take of it is queued.
    private mutating func writeDirectly(
        _ pieces: UnsafeBufferPointer<clinux_piece>, _ size: Int, for line: Line, _ wakeups: inout Wakeups,
        queue: (inout OutputQueue) throws(OutOfMemory) -> Void
    ) {
        // A line that was over before it came here.
        guard let socket else { return life.didLoseMessages() }
        do {
            let outcome = try socket.send(pieces)
            if case .sent(let count) = outcome { traffic?.didSend(count) }
            switch outcome {
            case .sent(size): break
            case .sent(let count):
                try queue(&output)
                output.didWrite(count)
                writeOutput(for: line, &wakeups)
            case .wouldBlock, .tooManyInFlight:
                try queue(&output)
                block()
            case .peerGone:
                life.didLoseMessages()
                peerIsGone()
            case .descriptorsRefused: apply(life.fail(.descriptorsRefused), to: line, &wakeups)
            }
        } catch {
            life.didLoseMessages()
            apply(life.fail(.failed(error)), to: line, &wakeups)
        }
    }

    /// Writes what waits, as much as the kernel takes.
    mutating func writeOutput(for line: Line, _ wakeups: inout Wakeups) {
        if isInTransit { return }
        // A line that was over before it came here has nobody to read what waits.
        if socket == nil { dropOutput() }
        while let socket, !output.isEmpty, !isBlocked {
            do throws(SystemError) {
                let outcome = try output.withNext { pieces, descriptors throws(SystemError) in
                    try socket.send(pieces, descriptors: descriptors.map(\.rawValue))
                }
                switch outcome {
                case .sent(let count):
                    traffic?.didSend(count)
                    output.didWrite(count)
                case .wouldBlock: block()
                case .tooManyInFlight: tryLater(line)
                case .peerGone: peerIsGone()
                case .descriptorsRefused: apply(life.fail(.descriptorsRefused), to: line, &wakeups)
                }
            } catch {
                apply(life.fail(.failed(error)), to: line, &wakeups)
            }
        }
        // Not as soon as there is room for one: that would be a suspension for each message.
        if output.count <= limits.queuedOutput / 4, output.descriptorCount <= limits.queuedDescriptors / 4 {
            waiters.resume(.room, in: &wakeups)
        }
        if output.isEmpty, !life.isOver {
            waiters.resume(.flush, in: &wakeups)
            apply(peerReadsNoMore ? life.didLoseOutput() : life.didFlush(), to: line, &wakeups)
        }
    }

    /// The kernel holds as many descriptors in flight as it wants to; nothing tells when it has room again.
    private mutating func tryLater(_ line: Line) {
        isBlocked = true
        line.reactor.schedule(after: .milliseconds(10)) {
            line.change { state, wakeups in
                state.isBlocked = false
                state.writeOutput(for: line, &wakeups)
            }
        }
    }

    private mutating func block() {
        isBlocked = true
        if !isAwaitingRoom { updateInterest() }
    }

    /// Nobody will read what waits. Why the line is over is for the input to tell: a close may be in it. The
    /// kernel reports its end by itself.
    private mutating func peerIsGone() {
        dropOutput()
        peerReadsNoMore = true
    }
}
