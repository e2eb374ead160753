import ConnectToLinux

/// A transfer under way: things that have been taken from their owners here, and are not on a line yet.
///
/// Either ``commit()`` makes it final or ``rollBack()`` undoes it, so that a message that cannot be posted gives
/// nothing away.
struct Transfer: ~Copyable {
    private var items: [TransferTable.Item] = []
    /// The steps that undo the taking, to be run in reverse order.
    private var undo: [() -> Void] = []
    private var completions: [() -> Void] = []

    /// - Throws: ``PortError``; then all things are back where they were.
    init(_ things: [Transferable]) throws(PortError) {
        do throws(PortError) {
            for thing in things { try detach(thing) }
        } catch {
            undoAll()
            throw error
        }
    }

    /// Takes the things of a message that the program has not taken, so that none of them can have been closed or given
    /// away.
    init(unseen things: [Transferable]) {
        for thing in things {
            if let port = thing.port {
                detach(port, port.line.extractUnseen())
            } else {
                try? detach(thing)
            }
        }
    }

    private mutating func detach(_ thing: Transferable) throws(PortError) {
        switch thing.content {
        case .file(let file):
            guard let descriptor = file.detach() else { throw .detached("the file") }
            items.append(.file(descriptor))
            undo.append { file.putBack(descriptor) }
        case .buffer(let buffer):
            try detach(buffer)
        case .port(let port):
            detach(port, try port.line.extract())
        }
    }

    private mutating func detach(_ port: MessagePort, _ cargo: PortCargo) {
        let line = port.line
        items.append(.port(cargo))
        undo.append { line.putBack(cargo) }
        completions.append { line.didDepart() }
    }

    private mutating func detach(_ buffer: SharedBuffer) throws(PortError) {
        if buffer.mode == .shared {
            guard let descriptor = buffer.sharedDescriptor else { throw .detached("the buffer") }
            items.append(.sharedBuffer(descriptor, size: buffer.count))
            return
        }
        guard let memory = buffer.detach() else {
            throw buffer.isDetached
                ? .detached("the buffer")
                : .notTransferable(
                    "other code is using the buffer's bytes at the moment; post the message when it has finished")
        }
        items.append(.movedBuffer(memory.descriptor, size: buffer.count))
        undo.append { buffer.putBack(memory) }
    }

    /// The table of the things, with their descriptors.
    var table: TransferTable { TransferTable(items) }

    /// Puts everything back where it was. Has no effect after ``seal()``.
    consuming func rollBack() {
        undoAll()
    }

    private func undoAll() {
        for step in undo.reversed() { step() }
    }

    /// Seals the memory of buffers that move; this cannot be undone.
    mutating func seal() {
        // Dropping the undo steps unmaps the memory of these buffers: the kernel seals only memory that no process has
        // mapped for writing.
        undo = []
        for case .movedBuffer(let descriptor, _) in items { SharedMemory.freeze(descriptor) }
    }

    /// Makes a sealed transfer final: the things are gone from here.
    consuming func commit() {
        for step in completions { step() }
    }
}
