import ConnectToLinux

extension MessagePort {
    // MARK: Its socket

    /// Gives the socket away, with the protocol's frames on it: for another process to make a port of
    /// (``init(adopting:limits:on:)``), or for other code to speak the protocol. The caller owns it and has to close it.
    ///
    /// A connected AF_UNIX SOCK_STREAM socket, closed on exec and blocking as a rule (the other side may share the
    /// flag). The port is over here, with ``CloseReason/Code/transferred``, and says nothing to the peer.
    ///
    /// It goes only between two messages, with none waiting here to be taken or to be written: before the port is started,
    /// or after ``flush()``. How many messages have gone over the line does not travel with it, so that what the peer says
    /// of them in closing (``undeliveredCount``) is right only where none has. A port that is posted along with a message
    /// (``Transferable``) has no such bounds: take that way where the receiver has a port already.
    /// - Throws: ``PortError``, with the port as it was: ``PortError/Code/notOpen``,
    ///   ``PortError/Code/stillBuffered``, ``PortError/Code/closed``, ``PortError/Code/detached`` where it was
    ///   closed or given away before, ``PortError/Code/outOfResources`` where the process has no descriptor left.
    public func detachSocket() throws(PortError) -> Int32 {
        try line.detachSocket()
    }

    /// Makes a port on a socket that this process was started with, or was handed: the inverse of ``detachSocket()``. So a
    /// program can give a worker that it starts one end of a ``MessageChannel``, as its standard input for example:
    ///
    /// ```swift
    /// let port = try MessagePort(adopting: 0)  // in the worker
    /// ```
    ///
    /// The other end has to be a port of this library, or to speak the same protocol. The port is open, and not started.
    /// What was written before waits in the socket. On success the port owns the descriptor, and nothing else may use or
    /// close it; it is closed on exec from then on. A standard descriptor (0 to 2) is moved to another number, and
    /// `/dev/null` takes its place.
    ///
    /// - Parameters:
    ///   - number: a connected AF_UNIX SOCK_STREAM socket.
    ///   - limits: of the port.
    ///   - loop: where the port lives; by default ``EventLoop/shared``.
    /// - Throws: ``PortError``; then the descriptor stays the caller's, as it was: ``PortError/Code/invalidDescriptor``
    ///   where it is anything else, and ``PortError/Code/outOfResources``.
    public convenience init(
        adopting number: Int32, limits: PortLimits = PortLimits(), on loop: EventLoop? = nil
    ) throws(PortError) {
        let loop = if let loop { loop } else { try EventLoop.shared }
        guard StreamSocket.isConnectedStream(number) else { throw .notALine(number) }
        let descriptor: Descriptor
        do throws(SystemError) {
            descriptor = try Descriptor.takeOver(number)
        } catch {
            throw .outOfResources("descriptor \(number) could not be made a port", error)
        }
        let line = Line(StreamSocket(descriptor), isOpen: true, on: loop.reactor, limits: limits)
        line.change { state, _ in state.life.mayHaveFormerHolders = true }
        self.init(line: line)
        line.watch()
    }
}

extension PortError {
    fileprivate static func notALine(_ number: Int32) -> PortError {
        PortError(
            .invalidDescriptor,
            """
            descriptor \(number) is not a connected AF_UNIX stream socket, and a port needs one; pass one end of a \
            socketpair, or what detachSocket has returned
            """)
    }
}
