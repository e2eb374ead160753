import ConnectToLinux

/// A transfer under way: things that have been taken from their owners here, and are not yet on a line.
///
/// Either ``commit()`` makes it final or ``rollBack()`` undoes it, so that a message that cannot be posted gives
/// nothing away.
struct Transfer: ~Copyable {
    private var items: [TransferTable.Item] = []
    /// In reverse.
    private var undo: [() -> Void] = []
    private var completions: [() -> Void] = []

    /// - Throws: ``PortError``; then everything is as it was.
    init(_ things: [Transferable]) throws(PortError) {
        do throws(PortError) {
            for thing in things { try take(thing) }
        } catch {
            undoAll()
            throw error
        }
    }

    /// What came with a message that nobody has taken, and so nobody can have closed or given away.
    init(unseen things: [Transferable]) {
        for thing in things {
            if let port = thing.port {
                take(port, port.line.extractUnseen())
            } else {
                try? take(thing)
            }
        }
    }

    private mutating func take(_ thing: Transferable) throws(PortError) {
        switch thing.content {
        case .file(let file):
            guard let descriptor = file.take() else { throw .detached("the file") }
            items.append(.file(descriptor))
            undo.append { file.putBack(descriptor) }
        case .buffer(let buffer):
            try take(buffer)
        case .port(let port):
            take(port, try port.line.extract())
        }
    }

    private mutating func take(_ port: MessagePort, _ cargo: PortCargo) {
        let line = port.line
        items.append(.port(cargo))
        undo.append { line.takeBack(cargo) }
        completions.append { line.didDepart() }
    }

    private mutating func take(_ buffer: SharedBuffer) throws(PortError) {
        if buffer.mode == .shared {
            guard let descriptor = buffer.sharedDescriptor else { throw .detached("the buffer") }
            items.append(.sharedBuffer(descriptor, size: buffer.count))
            return
        }
        guard let memory = buffer.take() else {
            throw buffer.isDetached
                ? .detached("the buffer") : .notTransferable("somebody is using the buffer's bytes just now")
        }
        items.append(.movedBuffer(memory.descriptor, size: buffer.count))
        undo.append { buffer.putBack(memory) }
    }

    /// How large the table and its descriptors will be.
    var table: TransferTable { TransferTable(items) }

    /// Puts everything back where it was. Not once it is sealed.
    consuming func rollBack() {
        undoAll()
    }

    private func undoAll() {
        for step in undo.reversed() { step() }
    }

    /// Brings what moves into the form in which it goes; there is no way back.
    mutating func seal() {
        // With the way back goes the last mapping of a buffer's memory: the kernel seals only what nobody has
        // mapped for writing.
        undo = []
        for case .movedBuffer(let descriptor, _) in items { SharedMemory.freeze(descriptor) }
    }

    /// Makes a sealed one final; what was taken is gone from here.
    consuming func commit() {
        for step in completions { step() }
    }
}
