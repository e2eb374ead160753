import DequeModule
import LinuxIO

extension LineState {
    /// One drain takes at most this many messages, and reads at most this often, before the others' turn.
    private static let messagesPerDrain = 1_000
    private static let readsPerDrain = 16
    /// What a queued message costs beside its payload, so that a flood of empty ones is bounded too.
    private static let messageOverhead = 64

    var inputIsFull: Bool { inputSize >= limits.queuedInput }

    /// Reads and cuts what the kernel has, within the bounds.
    ///
    /// - Returns: whether it stopped because it was others' turn, and is to be called again.
    mutating func readInput(for line: Line, _ wakeups: inout Wakeups) -> Bool {
        guard isStarted || peerHasHungUp || life.isLingering || !life.isOpen else { return false }
        var messages = 0
        var reads = 0
        while let socket {
            do {
                while let frame = try reader.next() {
                    try take(frame, for: line, &wakeups)
                    messages += frame.kind.isMessage ? 1 : 0
                    if self.socket == nil { return false }
                    if inputIsFull { return false }
                    if messages >= Self.messagesPerDrain { return true }
                }
                if reads >= Self.readsPerDrain { return true }
                reads += 1
                switch try socket.receive(into: reader.room()) {
                case .received(let received):
                    if let violation = received.controlViolation { throw ProtocolViolation(violation) }
                    if !received.descriptors.isEmpty {
                        throw ProtocolViolation("descriptors that no frame declares")
                    }
                    reader.didReceive(received.count)
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
            input.append(Message(frame.kind, frame.payload))
            inputSize += frame.payload.count + Self.messageOverhead
            wakeups.add(consumers.removeFirst(), ())
        case .finish:
            effects = try life.didReceiveFinish()
        case .close:
            let taken = frame.payload.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
            effects = try life.didReceiveClose(taken: UInt64(littleEndian: taken))
        }
        apply(effects, to: line, &wakeups)
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
            inputSize -= message.count + Self.messageOverhead
            if wasFull, !inputIsFull, mayRead { line.continueReading() }
            apply(life.didTake(), to: line, &wakeups)
            return .message(message)
        }
        return life.inputHasEnded ? .end(life.reason) : .nothing
    }
}
