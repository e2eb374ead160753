import ConnectToLinux

extension LineState {
    /// Takes the line out, for another port to go on with.
    ///
    /// Until ``didDepart(for:_:)`` or ``takeBack(_:for:)`` it stands still, and what is posted waits.
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

    /// The frames that ended the input, if it has ended.
    private var endOfInput: [StreamPiece] {
        let finish = StreamPiece(FrameHeader(.finish, length: 0))
        let close = StreamPiece(closeWithCount: life.posted &- life.undelivered)
        return switch life.inbound {
        case .open: []
        case .finished: [finish]
        case .closed: life.owesClose || life.peerWasDone ? [finish, close] : [close]
        }
    }

    /// The transfer is done.
    mutating func didDepart(for line: Line, _ wakeups: inout Wakeups) {
        isInTransit = false
        apply(life.didTransfer(), to: line, &wakeups)
        waiters.resume(.flush, in: &wakeups)
    }

    /// Goes on with a line where it was left off.
    mutating func load(_ cargo: PortCargo) throws(OutOfMemory) {
        socket = cargo.socket
        traffic = socket == nil ? nil : cargo.traffic
        reader = FrameReader(lengthLimit: limits.messageLength)
        let postedMeanwhile = output.remainder
        output.removeAll()
        for segment in cargo.output + postedMeanwhile { output.append(segment) }
        // Its finish frame is the last that waits, if anything does.
        if life.outbound == .finished, queuedControl == 0 { queuedControl = FrameHeader.size }
        isBlocked = false
        mayRead = true
        isInTransit = false
        try reader.resume(cargo.input)
    }

    /// Goes on with this port's own line: the transfer did not take place. The port is as it was, and what was done
    /// with it meanwhile counts.
    mutating func takeBack(_ cargo: PortCargo, for line: Line) throws(OutOfMemory) {
        try load(cargo)
        // Closed meanwhile: nobody takes any of it.
        if life.outbound == .closed { return }
        // These were received and counted before: they are put back, not received again.
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
    /// The frame that it came in. What came with it is taken out of it for good: nobody else has seen it.
    func frame() -> StreamPiece {
        withUnsafeBytes { bytes in
            if transferred.isEmpty { return StreamPiece(kind.frame, bytes) }
            var transfer = Transfer(unseen: transferred)
            let piece = StreamPiece(kind.frame, bytes, transfer.table)
            transfer.seal()
            transfer.commit()
            return piece
        }
    }
}
