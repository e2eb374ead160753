import LinuxIO
import Synchronization

extension Line {
    /// One transfer at a time in this process: each takes several lines apart, and none may see another half
    /// done.
    private static let transfers = Mutex(())

    /// - Throws: ``PortError`` where it cannot be transferred. One that nobody has seen is not asked.
    func extract(unseen: Bool) throws(PortError) -> PortCargo {
        let result: Result<PortCargo, PortError> = change { state, _ in
            if !unseen, let refusal = state.transferRefusal { return .failure(refusal) }
            return .success(state.extract())
        }
        return try result.get()
    }

    func didDepart() {
        change { state, wakeups in state.didDepart(for: self, &wakeups) }
    }

    /// Goes on with what was taken out: the transfer did not take place.
    func takeBack(_ cargo: PortCargo) {
        change { state, wakeups in state.takeBack(cargo, for: self, &wakeups) }
        resume()
    }

    /// Begins to read and write where another has left off.
    private func resume() {
        watch()
        change { state, wakeups in
            if !state.life.isOver { state.writeOutput(for: self, &wakeups) }
        }
        change { state, _ in
            if state.isStarted { state.continueReading(for: self) }
        }
    }

    // MARK: Sending

    /// Posts a message together with what is to be transferred: all of it, or nothing.
    func post(
        _ kind: FrameKind, _ payload: UnsafeRawBufferPointer, _ things: [Transferable]
    ) throws(PortError) {
        if things.isEmpty { return try post(kind, payload) }
        let result: Result<Void, PortError> = Self.transfers.withLock { _ in
            do throws(PortError) {
                return .success(try ship(kind, payload, things))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    private func ship(
        _ kind: FrameKind, _ payload: UnsafeRawBufferPointer, _ things: [Transferable]
    ) throws(PortError) {
        var seen: Set<ObjectIdentifier> = []
        for thing in things {
            if !seen.insert(thing.identity).inserted { throw .notTransferable("it stands in the list twice") }
            if case .port(let port) = thing, port.line === self {
                throw .notTransferable("a port cannot travel on itself")
            }
        }
        if let refusal = read({ $0.postRefusal(payload.count) }) { throw refusal }
        let shipment = try Shipment(things)
        let table = shipment.table
        var refusal: PortError?
        if table.weight > FrameHeader.descriptorLimit {
            refusal = .tooManyDescriptors(table.weight)
        } else {
            // Only now: the table's own numbers hold no more.
            let length = table.size + payload.count
            if length > limits.messageLength {
                refusal = .messageTooLarge(length, limit: limits.messageLength)
            }
        }
        if let refusal {
            shipment.putBack()
            throw refusal
        }
        let frame = StreamPiece(kind, payload, shipment.depart())
        change { state, wakeups in
            // A port that is over takes everything and drops it; what was given away is gone all the same.
            guard state.life.post() == .accept else { return }
            state.send(
                OutputQueue.Segment(bytes: frame.bytes, descriptors: frame.descriptors), for: self, &wakeups)
        }
    }

    // MARK: Receiving

    /// Makes of what came with a message what the program gets.
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
            throw ProtocolViolation("a buffer of \(size) bytes, over the limit of \(limits.bufferSize)")
        }
        do throws(SystemError) {
            if let memory = try SharedMemory.adopt(descriptor, size: size, kind: kind) {
                return SharedBuffer(memory)
            }
        } catch {
            throw ProtocolViolation("a buffer that cannot be mapped (\(error))")
        }
        throw ProtocolViolation("a buffer that is not sealed as declared, or not of the declared size")
    }

    private func port(_ cargo: PortCargo) throws(ProtocolViolation) -> MessagePort {
        if let socket = cargo.socket, !StreamSocket.isConnectedStream(socket) {
            throw ProtocolViolation("a port that is no connected AF_UNIX SOCK_STREAM socket")
        }
        let line = Line(nil, isOpen: true, on: reactor, limits: limits)
        line.change { state, _ in state.load(cargo) }
        line.resume()
        return MessagePort(line: line)
    }
}
