import ConnectToLinux

extension MessagePort {
    // MARK: Its socket

    /// Gives the socket away, which carries the protocol's frames: another process can make a port of it
    /// (``init(adopting:limits:on:)``), or other code can speak the protocol on it. The caller owns the descriptor and
    /// has to close it.
    ///
    /// The result is a connected AF_UNIX SOCK_STREAM socket, closed on exec, and usually blocking (the other side may
    /// share that flag). The port is over here, with ``CloseReason/Code/transferred``, and the peer does not notice.
    ///
    /// Close the descriptor as soon as the process that it is for has started: while this process holds it, the port at
    /// the other end does not notice when that process ends. ``withDetachedSocket(_:)`` does it.
    ///
    /// The socket of a fresh end of a ``MessageChannel`` can always be detached, others only between two messages, while
    /// no message waits here to be taken or written: before the port is started, or after ``flush()``. The count of messages on the line does not travel with the socket, so
    /// the peer's count in its close frame (``undeliveredCount``) is right only where no message has gone over the
    /// line. A port that is posted with a message (``Transferable``) has no such restrictions: prefer that where the
    /// receiver has a port already.
    /// - Throws: ``PortError``, and the port stays as it was: ``PortError/Code/notOpen``,
    ///   ``PortError/Code/stillBuffered``, ``PortError/Code/closed``, ``PortError/Code/detached`` where the port was
    ///   closed or given away before, ``PortError/Code/outOfResources`` where the process has no descriptor left.
    public func detachSocket() throws(PortError) -> Int32 {
        try line.detachSocket()
    }

    /// Lends the socket that ``detachSocket()`` gives away to a closure, which starts a process with it for example, and
    /// closes it here when the closure has ended: so the port at the other end notices when the process ends.
    /// - Throws: as ``detachSocket()``, and what the closure throws.
    public func withDetachedSocket<Result>(_ body: (_ number: Int32) throws -> Result) throws -> Result {
        let socket = Descriptor(adopting: try detachSocket())
        defer { withExtendedLifetime(socket) {} }
        return try body(socket.rawValue)
    }

    /// Makes a port on a socket that this process was started with, or was handed: the inverse of ``detachSocket()``.
    /// So a program can give one end of a ``MessageChannel`` to a worker process that it starts, as its standard input
    /// for example:
    ///
    /// ```swift
    /// let port = try MessagePort(adopting: 0)  // in the worker
    /// ```
    ///
    /// The other end has to be a port of this library, or to speak the same protocol. The port is open, and not
    /// started. Messages written before wait in the socket. On success the port owns the descriptor, and other code
    /// must not use or close it; from then on it is closed on exec. A standard descriptor (0 to 2) is moved to another
    /// number, and `/dev/null` takes its place.
    ///
    /// - Parameters:
    ///   - number: a connected AF_UNIX SOCK_STREAM socket.
    ///   - limits: the limits of the port.
    ///   - loop: the loop on which the port runs; by default ``EventLoop/shared``.
    /// - Throws: ``PortError``, and the caller keeps the descriptor as it was: ``PortError/Code/invalidDescriptor``
    ///   where it is not such a socket, and ``PortError/Code/outOfResources``.
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
