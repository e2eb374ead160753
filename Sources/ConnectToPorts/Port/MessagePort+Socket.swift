import ConnectToLinux

extension MessagePort {
    // MARK: Its socket

    /// Gives the socket away, with the protocol's frames on it: for other code to speak the
    /// protocol. The caller owns it and has to close it.
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
}
