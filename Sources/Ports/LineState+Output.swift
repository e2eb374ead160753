import Glibc
import LinuxIO

extension LineState {
    /// How much may be gathered in one turn of the loop before it is written all the same.
    private static let gatherLimit = 64 << 10

    /// Whether a message of this size may be queued now.
    func hasRoom(for size: Int, descriptors: Int = 0) -> Bool {
        output.isEmpty
            || output.count + FrameHeader.size + size <= limits.queuedOutput
                && output.descriptorCount + descriptors <= limits.queuedDescriptors
    }

    /// Whether who can wait for room has it: only half of the queue is theirs, the rest is for who cannot. So a
    /// sender without end neither fills the queue nor keeps others out of it.
    func hasRoomForPatient(_ size: Int) -> Bool {
        output.isEmpty
            || output.count <= limits.queuedOutput / 2
                && output.descriptorCount <= limits.queuedDescriptors / 2 && hasRoom(for: size)
    }

    /// Why a message of this size cannot be posted, or nil. A port that is over takes everything and drops it.
    func postRefusal(_ size: Int) -> PortError? {
        if life.format == .stream { return .isStream }
        if size > limits.sentMessageLength {
            return .messageTooLarge(size, limit: limits.sentMessageLength)
        }
        if life.reason != nil { return nil }
        if life.outbound != .open { return .finishedAlready }
        return hasRoom(for: size) ? nil : queueFull
    }

    var queueFull: PortError { .queueFull(output.count, output.descriptorCount, limits: limits) }

    /// Sends a message, or queues what the kernel does not take.
    ///
    /// With nothing queued the calling thread writes at once, so that a lone message is on its way when this
    /// returns. On the loop messages are gathered until the end of its turn: one system call carries many.
    mutating func send(
        _ header: FrameHeader, _ payload: UnsafeRawBufferPointer, for line: Line, _ wakeups: inout Wakeups
    ) {
        if line.reactor.isCurrent {
            output.append(header, payload)
            if output.count >= Self.gatherLimit {
                writeOutput(for: line, &wakeups)
            } else if !flushIsDue {
                flushIsDue = true
                line.reactor.atTurnEnd {
                    line.change { state, wakeups in
                        state.flushIsDue = false
                        state.writeOutput(for: line, &wakeups)
                    }
                }
            }
        } else if !output.isEmpty || isInTransit {
            output.append(header, payload)
        } else {
            writeDirectly(header, payload, for: line, &wakeups)
        }
    }

    /// Sends a message that descriptors go along with.
    mutating func send(_ segment: OutputQueue.Segment, for line: Line, _ wakeups: inout Wakeups) {
        output.append(segment)
        writeOutput(for: line, &wakeups)
    }

    private mutating func writeDirectly(
        _ header: FrameHeader, _ payload: UnsafeRawBufferPointer, for line: Line, _ wakeups: inout Wakeups
    ) {
        guard let socket else { return }
        var word = header.encoded
        do throws(SystemError) {
            let outcome = try withUnsafeMutableBytes(of: &word) { word throws(SystemError) in
                try withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { parts throws(SystemError) in
                    parts.initializeElement(
                        at: 0, to: iovec(iov_base: word.baseAddress, iov_len: word.count))
                    parts.initializeElement(
                        at: 1,
                        to: iovec(
                            iov_base: UnsafeMutableRawPointer(mutating: payload.baseAddress),
                            iov_len: payload.count))
                    return try socket.send(UnsafeBufferPointer(parts))
                }
            }
            switch outcome {
            case .sent(let count) where count == FrameHeader.size + payload.count: break
            case .sent(let count):
                output.append(header, payload, alreadyWritten: count)
                writeOutput(for: line, &wakeups)
            case .wouldBlock, .tooManyInFlight:
                output.append(header, payload)
                block()
            case .peerGone: peerIsGone()
            }
        } catch {
            apply(life.fail(.failed(error)), to: line, &wakeups)
        }
    }

    /// Writes what waits, as much as the kernel takes.
    mutating func writeOutput(for line: Line, _ wakeups: inout Wakeups) {
        if isInTransit { return }
        // A line that was over before it came here has nobody to read what waits.
        if socket == nil { output.removeAll() }
        while let socket, !output.isEmpty, !isBlocked {
            do throws(SystemError) {
                let outcome = try output.withNext { bytes, descriptors throws(SystemError) in
                    var part = iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
                    return try withUnsafePointer(to: &part) { part throws(SystemError) in
                        try socket.send(
                            UnsafeBufferPointer(start: part, count: 1),
                            descriptors: descriptors.map(\.rawValue))
                    }
                }
                switch outcome {
                case .sent(let count): output.didWrite(count)
                case .wouldBlock: block()
                case .tooManyInFlight: tryLater(line)
                case .peerGone: peerIsGone()
                }
            } catch {
                apply(life.fail(.failed(error)), to: line, &wakeups)
            }
        }
        if hasRoomForPatient(0) { wakeups.add(roomWaiters.removeAll(), ()) }
        if output.isEmpty, !life.isOver {
            wakeups.add(flushWaiters.removeAll(), ())
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
        updateInterest()
    }

    /// Nobody will read what waits. Why the line is over is for the input to tell: a close may be in it. The
    /// kernel reports its end by itself.
    private mutating func peerIsGone() {
        output.removeAll()
        peerReadsNoMore = true
    }
}
