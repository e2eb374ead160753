extension MessagePort {
    // MARK: Handing over

    /// What the line carries. A ``LineFormat/stream`` has no messages: posting throws
    /// ``PortError/Code/isStream``, and ``messages`` are at their end from the beginning.
    public var format: LineFormat { line.format }

    /// Takes the socket out, for another library to go on with; the caller owns it and has to close it.
    ///
    /// A connected AF_UNIX SOCK_STREAM socket, closed on exec and blocking as a rule (the other side may share the
    /// flag). The port is over here, with ``CloseReason/Code/transferred``, and says nothing to the peer.
    ///
    /// Of a ``LineFormat/stream`` the socket can be taken as soon as the port is open: at once on the port of a
    /// connect event, elsewhere after ``waitUntilOpen()``. Also when the peer has gone already, for what it wrote before
    /// is still to be read. A port that carries messages gives up its socket, with frames on it, only between
    /// two messages and with none waiting, here or to go out: before it is started, or after ``flush()``.
    /// - Throws: ``PortError``, with the port as it was: ``PortError/Code/notOpen``,
    ///   ``PortError/Code/stillBuffered``, ``PortError/Code/closed``, ``PortError/Code/detached`` where it was
    ///   closed or given away before, ``PortError/Code/outOfResources`` where the process has no descriptor left.
    public func takeFileDescriptor() throws(PortError) -> Int32 {
        try line.handOver()
    }
}
