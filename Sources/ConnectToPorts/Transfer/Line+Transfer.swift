import ConnectToLinux

extension Line {
    /// Allows one transfer at a time in this process: each takes several lines apart, and no transfer may see another
    /// half done.
    private static let transfers = Lock(())

    /// Takes the line's socket and queues out for a transfer, if the port can be transferred at this moment.
    func extract() throws(PortError) -> PortCargo {
        let result: Result<PortCargo, PortError> = change { state, _ in
            if let refusal = state.life.transferRefusal { return .failure(refusal) }
            return .success(state.extract())
        }
        return try result.get()
    }

    /// The same for a port that arrived with a message which the program has not taken: such a port can always be
    /// transferred.
    func extractUnseen() -> PortCargo {
        change { state, _ in state.extract() }
    }

    func didDepart() {
        change { state, wakeups in state.didDepart(for: self, &wakeups) }
    }

    /// Puts the socket and queues back: the transfer did not take place.
    func putBack(_ cargo: PortCargo) {
        change { state, wakeups in
            do throws(OutOfMemory) {
                try state.putBack(cargo, for: self)
            } catch {
                state.apply(state.life.fail(.failed(error)), to: self, &wakeups)
            }
            // A taker that checked meanwhile found no message, and waits: wake it.
            state.waiters.resume(.input, in: &wakeups)
            state.deliverLater(for: self)
        }
        resume()
    }

    /// Begins to read and write where another port has left off.
    private func resume() {
        watch()
        change { state, wakeups in
            if !state.life.isOver { state.writeOutput(for: self, &wakeups) }
        }
        // epoll does not report input again that was read before, or that arrived meanwhile: read now.
        change { state, _ in
            if !state.isUnseen { state.continueReading(for: self) }
        }
    }

    /// The program has taken this port: it begins to notice the peer's end, even if that has come already.
    func wasSeen() {
        change { state, _ in
            state.isUnseen = false
            // The line was over before this port received it: all remaining input came with the transfer.
            if state.socket == nil { state.peerHasHungUp = true }
            if state.isReading { state.continueReading(for: self) }
        }
    }

    // MARK: Sending

    /// Posts a message together with the things that it transfers: all of them, or nothing.
    /// - Returns: `false` where the line is over; the message was dropped.
    func post(
        _ kind: FrameKind, _ payload: UnsafeRawBufferPointer, keeping owner: PayloadOwner?, _ things: [Transferable]
    ) throws(PortError) -> Bool {
        if things.isEmpty { return try post(kind, payload, keeping: owner) }
        let result: Result<Bool, PortError> = Self.transfers.withLock { _ in
            do throws(PortError) {
                return .success(try transfer(things, with: kind, payload))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func transfer(
        _ things: [Transferable], with kind: FrameKind, _ payload: UnsafeRawBufferPointer
    ) throws(PortError) -> Bool {
        var seen: Set<ObjectIdentifier> = []
        for thing in things {
            if !seen.insert(thing.identity).inserted {
                throw .notTransferable("its transfer names the same object twice; name it once")
            }
            if thing.port?.line === self {
                throw .notTransferable("it transfers the port that it is posted on; post it on another port")
            }
        }
        if let refusal = read({ $0.postRefusal(payload.count) }) { throw refusal }
        var transfer = try Transfer(things)
        let table = transfer.table
        if let refusal = refusal(of: table, payload.count) {
            transfer.rollBack()
            throw refusal
        }
        let frame = Segment(kind, payload, table)
        let result: Result<Bool, PortError> = change { state, wakeups in
            // Check once more: since the first check other threads may have filled the queue, or finished the port.
            if let refusal = state.postRefusal(
                frame.bytes.count - FrameHeader.size, descriptors: frame.descriptors.count)
            {
                return .failure(refusal)
            }
            transfer.seal()
            // A port that is over accepts the message and drops it; the transferred things are given away all the same.
            guard state.life.post() == .accept else { return .success(false) }
            state.traffic?.record(.sent, kind, payload, transferred: things.count)
            state.send(frame, for: self, &wakeups)
            return .success(true)
        }
        do throws(PortError) {
            let isPosted = try result.get()
            transfer.commit()
            return isPosted
        } catch {
            transfer.rollBack()
            throw error
        }
    }

    /// Why a message cannot be posted, now that the contents of the ports in it are known.
    private func refusal(of table: TransferTable, _ payloadLength: Int) -> PortError? {
        if table.weight > FrameHeader.descriptorLimit { return .tooManyDescriptors(table.weight) }
        // Check the number first: with more things than that, the table's length cannot be computed.
        let length = table.size + payloadLength
        return read { $0.postRefusal(length, descriptors: table.descriptors.count) }
    }

    // MARK: Receiving

    /// Makes the ports, files and buffers for the program of the items that came with a message.
    func adopt(_ table: TransferTable) throws(ProtocolViolation) -> [Transferable] {
        var things: [Transferable] = []
        for item in table.items {
            switch item {
            case .file(let descriptor): things.append(.file(OpenFile(descriptor)))
            case .movedBuffer(let descriptor, let size):
                things.append(.buffer(try buffer(descriptor, size, .frozen)))
            case .sharedBuffer(let descriptor, let size):
                things.append(.buffer(try buffer(descriptor, size, .writable)))
            case .port(let cargo): things.append(.port(try port(cargo)))
            }
        }
        return things
    }

    private func buffer(
        _ descriptor: Descriptor, _ size: Int, _ kind: SharedMemory.Kind
    ) throws(ProtocolViolation) -> SharedBuffer {
        guard size <= limits.bufferSize else {
            throw ProtocolViolation("it sent a buffer of \(size) bytes; the limit is \(limits.bufferSize)")
        }
        do throws(SystemError) {
            if let memory = try SharedMemory.adopt(descriptor, size: size, kind: kind) {
                return SharedBuffer(memory)
            }
        } catch {
            throw ProtocolViolation("it sent a buffer that cannot be mapped (\(error))")
        }
        throw ProtocolViolation("it sent a buffer that is not sealed as declared, or not of the declared size")
    }

    private func port(_ cargo: PortCargo) throws(ProtocolViolation) -> MessagePort {
        if let socket = cargo.socket, !StreamSocket.isConnectedStream(socket.descriptor) {
            throw ProtocolViolation("it sent a port whose descriptor is not a connected AF_UNIX SOCK_STREAM socket")
        }
        let line = Line(nil, isOpen: true, on: reactor, limits: limits, budget: budget)
        if cargo.needsExtension {
            // Shut down, so that the peer sees the end even if other processes hold copies of the socket.
            cargo.socket?.shutdown()
            line.fail(.extensionUnknown)
            return MessagePort(line: line)
        }
        line.change { state, wakeups in
            state.isUnseen = true
            state.life.resume(
                posted: cargo.posted, taken: cargo.taken, hasFinished: cargo.hasFinished,
                finishIsSent: cargo.finishIsSent)
            do throws(OutOfMemory) {
                try state.load(cargo)
            } catch {
                state.apply(state.life.fail(.failed(error)), to: line, &wakeups)
            }
            state.broughtDescriptors = state.output.descriptorCount
        }
        line.resume()
        return MessagePort(line: line)
    }
}
