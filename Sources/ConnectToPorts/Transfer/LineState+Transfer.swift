import ConnectToLinux

extension LineState {
    /// Takes the line's socket and queues out, for another port to go on with.
    ///
    /// Until ``didDepart(for:_:)`` or ``putBack(_:for:)`` the line neither reads nor writes, and what is posted waits
    /// in its queue.
    mutating func extract() -> PortCargo {
        revokeInput()
        var received = input.remainder
        for frame in endOfInput { received.append(frame) }
        received.append(reader.remainder)
        let cargo = PortCargo(
            socket: socket, traffic: traffic, posted: life.posted, taken: life.taken,
            hasFinished: life.outbound == .finished, input: received, output: output.remainder)
        isInTransit = true
        source?.cancel()
        source = nil
        socket = nil
        input.removeAll()
        reader = FrameReader(lengthLimit: limits.messageLength)
        output.removeAll()
        return cargo
    }

    /// The frames with which the peer ended the input, if it has ended.
    private var endOfInput: [Segment] {
        let finish = Segment(FrameHeader(.finish, length: 0))
        let close = Segment(closeWithCount: life.posted &- life.undelivered)
        return switch life.inbound {
        case .open: []
        case .finished: [finish]
        case .closed: life.owesClose || life.peerWasDone ? [finish, close] : [close]
        }
    }

    /// The transfer is complete: the line belongs to the other port.
    mutating func didDepart(for line: Line, _ wakeups: inout Wakeups) {
        isInTransit = false
        apply(life.didTransfer(), to: line, &wakeups)
        waiters.resume(.flush, in: &wakeups)
    }

    /// Continues a line from the socket and queues of its former port.
    mutating func load(_ cargo: PortCargo) throws(OutOfMemory) {
        socket = cargo.socket
        traffic = socket == nil ? nil : cargo.traffic
        reader = FrameReader(lengthLimit: limits.messageLength)
        let postedMeanwhile = output.remainder
        output.removeAll()
        for segment in cargo.output + postedMeanwhile { output.append(segment) }
        // If the port has finished and output waits, the last frame in it is the finish frame.
        if life.outbound == .finished, queuedControl == 0 { queuedControl = FrameHeader.size }
        isBlocked = false
        mayRead = true
        isInTransit = false
        try reader.resume(cargo.input)
    }

    /// Puts this port's own socket and queues back: the transfer did not take place. The port is as it was, and calls
    /// that were made on it meanwhile keep their effect.
    mutating func putBack(_ cargo: PortCargo, for line: Line) throws(OutOfMemory) {
        try load(cargo)
        // The port was closed meanwhile, so the program will not take these messages.
        if life.outbound == .closed { return }
        // These messages were received and counted before: put them back without counting them again.
        var missing = Int(life.received &- life.taken)
        while missing > 0 {
            if let run = reader.nextRun(atMost: missing, size: .max) {
                input.append(run)
                missing -= run.count
            } else if let frame = try? reader.next(), let (message, cost) = try? message(frame, for: line) {
                input.append(message, cost)
                missing -= 1
            } else {
                return
            }
        }
        for _ in endOfInput { _ = try? reader.next() }
    }
}

extension Message {
    /// The frame in which the message arrived. The things transferred with it are taken out of the message for good,
    /// which is safe: the program has not seen the message.
    func frame() -> Segment {
        withUnsafeBytes { bytes in
            if transferred.isEmpty { return Segment(kind.frame, bytes) }
            var transfer = Transfer(unseen: transferred)
            let segment = Segment(kind.frame, bytes, transfer.table)
            transfer.seal()
            transfer.commit()
            return segment
        }
    }
}
