import Glibc
import LinuxIO

extension LineState {
    /// How much may be gathered in one turn of the loop before it is written all the same.
    private static let gatherLimit = 64 << 10

    /// Whether a message of this size may be queued now.
    func hasRoom(for size: Int) -> Bool {
        output.isEmpty || output.count + FrameHeader.size + size <= limits.queuedOutput
    }

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
        } else if !output.isEmpty {
            output.append(header, payload)
        } else {
            writeDirectly(header, payload, for: line, &wakeups)
        }
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
            case .wouldBlock:
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
        while let socket, !output.isEmpty, !isBlocked {
            do throws(SystemError) {
                let outcome = try output.withNext { bytes throws(SystemError) in
                    var part = iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
                    return try withUnsafePointer(to: &part) { part throws(SystemError) in
                        try socket.send(UnsafeBufferPointer(start: part, count: 1))
                    }
                }
                switch outcome {
                case .sent(let count): output.didWrite(count)
                case .wouldBlock: block()
                case .peerGone: peerIsGone()
                }
            } catch {
                apply(life.fail(.failed(error)), to: line, &wakeups)
            }
        }
        if hasRoom(for: limits.queuedOutput / 2) { wakeups.add(roomWaiters.removeAll(), ()) }
        if output.isEmpty, socket != nil {
            if isBlocked {
                isBlocked = false
                updateInterest()
            }
            wakeups.add(flushWaiters.removeAll(), ())
            apply(life.didFlush(), to: line, &wakeups)
        }
    }

    private mutating func block() {
        isBlocked = true
        updateInterest()
    }

    /// Nobody will read what waits. Why the line is over is for the input to tell: a close may be in it.
    private mutating func peerIsGone() {
        output.removeAll()
        peerHasHungUp = true
        mayRead = true
    }
}
