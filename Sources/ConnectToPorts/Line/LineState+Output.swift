import CConnectToLinux
import ConnectToLinux
import Glibc

extension LineState {
    /// How many bytes may be gathered before they are written in any case.
    private static let gatherLimit = 64 << 10
    /// How long messages are gathered off the loop before they are written.
    private static let gatherTime = Duration.microseconds(100)
    /// How many messages are written directly in one tick of the kernel's coarse clock (1 to 10 ms).
    static let directWrites = 64

    /// Whether a message of this size may be queued now.
    func hasRoom(for size: Int, descriptors: Int = 0) -> Bool {
        output.isEmpty
            || output.count + FrameHeader.size + size <= limits.queuedOutput
                && output.descriptorCount + descriptors <= limits.queuedDescriptors && hasMemory
    }

    /// Whether the ``MemoryBudget`` lets more be queued.
    var hasMemory: Bool { output.count < MemoryBudget.floor || tally?.isFull != true }

    /// Whether the queue has room for `send`, which can wait: half of the queue is left to callers that cannot wait. So
    /// an endless sender neither fills the queue nor keeps other callers out of it.
    ///
    /// Where the ``MemoryBudget`` has no room, the line is woken when the budget has room again.
    func hasRoomForSend(_ size: Int, _ line: Line) -> Bool {
        output.isEmpty
            || output.count <= limits.queuedOutput / 2
                && output.descriptorCount <= limits.queuedDescriptors / 2
                && tally?.mayQueue(holding: output.count, line) != false && hasRoom(for: size)
    }

    /// Why a message of this size cannot be posted, or nil. A port that is over accepts every message and drops it.
    ///
    /// - Parameters:
    ///   - frames: the bytes of all frames, where several messages are posted and `size` is the length of the longest.
    ///   - descriptors: how many descriptors ride on the message.
    func postRefusal(_ size: Int, frames: Int? = nil, descriptors: Int = 0) -> PortError? {
        let hasRoom = hasRoom(
            for: frames.map { $0 - FrameHeader.size } ?? size, descriptors: descriptors)
        if life.takesPosts, size <= limits.sentMessageLength, hasRoom { return nil }
        return unusualPostRefusal(size, hasRoom)
    }

    /// The same for a message that may replace another.
    ///
    /// - Parameter growth: by how many bytes the queue would grow. A message that is no longer than the one it replaces
    ///   has room even in a full queue.
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

    /// Appends a short message to others that wait, where nothing else has to be done.
    @inline(__always)
    mutating func gather(_ kind: FrameKind, _ payload: UnsafeRawBufferPointer) -> Bool {
        guard payload.count < gatherRoom, output.gather(FrameHeader(kind, length: payload.count), payload)
        else { return false }
        gatherRoom &-= FrameHeader.size &+ payload.count
        life.didPost(1)
        return true
    }

    /// How many bytes ``gather(_:_:)`` may append with no other work: such bytes are certain to be written later, and
    /// no observer can be watching them.
    mutating func measureGatherRoom() {
        guard flushIsDue || isBlocked, life.takesPosts, traffic?.isTappable != true else {
            gatherRoom = 0
            return
        }
        var bound = isBlocked ? limits.queuedOutput : min(Self.gatherLimit, limits.queuedOutput)
        // Memory in a shared budget has to be reported from time to time, so no more than this is gathered in between.
        if let tally { bound = min(bound, tally.isFull ? MemoryBudget.floor : output.count + Self.gatherLimit) }
        gatherRoom = min(bound - output.count, limits.sentMessageLength) - FrameHeader.size
    }

    /// Sends a message, or queues it.
    ///
    /// A lone message is with the kernel when this returns: the calling thread writes it. Of many messages, one system
    /// call carries those that have been gathered: once 64 KiB are together, and otherwise at the end of the loop's
    /// turn or, off the loop, after 100 microseconds.
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
        // Try to write now: epoll reports room only when there is much of it. This attempt often comes earlier, and
        // needs no other thread.
        if isAwaitingRoom { isBlocked = false }
        writeOutput(for: line, &wakeups)
    }

    /// Sends a message, or queues it so that a newer one can replace it.
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

    /// Whether a message is written directly: a long one, the first in a turn of the loop, and off the loop one of the
    /// first ``directWrites`` in a tick of the clock. Each read allows as many direct writes again, so that answers to
    /// received messages are not held back.
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

    /// Sends a batch, whose messages are frames already.
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

    /// Sends a message that carries descriptors.
    mutating func send(_ segment: Segment, for line: Line, _ wakeups: inout Wakeups) {
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

    /// Writes a frame without queueing it first; the part that the kernel does not take is queued.
    private mutating func writeDirectly(
        _ pieces: UnsafeBufferPointer<clinux_piece>, _ size: Int, for line: Line, _ wakeups: inout Wakeups,
        queue: (inout OutputQueue) throws(OutOfMemory) -> Void
    ) {
        // A line that was over before this port received it has no socket.
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

    /// Writes queued output: as much as the kernel takes, and on the loop no more than ``bytesPerDrain``.
    mutating func writeOutput(for line: Line, _ wakeups: inout Wakeups) {
        if isInTransit { return }
        var left = line.reactor.isCurrent ? Self.bytesPerDrain : .max
        // A line that was over before this port received it has no peer that could read the queued output.
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
                    left -= count
                    if left <= 0, !output.isEmpty { continueWriting(for: line) }
                case .wouldBlock: block()
                case .tooManyInFlight: tryLater(line)
                case .peerGone: peerIsGone()
                case .descriptorsRefused: apply(life.fail(.descriptorsRefused), to: line, &wakeups)
                }
            } catch {
                apply(life.fail(.failed(error)), to: line, &wakeups)
            }
        }
        // Do not wake as soon as one message fits: that would suspend the sender once for each message.
        if output.count <= limits.queuedOutput / 4, output.descriptorCount <= limits.queuedDescriptors / 4 {
            waiters.resume(.room, in: &wakeups)
        }
        if output.isEmpty, !life.isOver {
            waiters.resume(.flush, in: &wakeups)
            apply(peerReadsNoMore ? life.didLoseOutput() : life.didFlush(), to: line, &wakeups)
        }
    }

    /// Goes on with writing in a later turn: a peer that reads as quickly as this side writes would keep the loop here
    /// until the queue is empty, while the other ports and the timers wait.
    private mutating func continueWriting(for line: Line) {
        isBlocked = true
        line.reactor.execute {
            line.change { state, wakeups in
                state.isBlocked = false
                state.writeOutput(for: line, &wakeups)
            }
        }
    }

    /// The kernel has reached its limit of descriptors in flight, and does not report when it has room again: try after
    /// 10 ms.
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

    /// The peer will not read the queued output. The input tells why the line is over, since it may hold a close frame.
    /// epoll reports the end of the input by itself.
    private mutating func peerIsGone() {
        dropOutput()
        peerReadsNoMore = true
    }
}
