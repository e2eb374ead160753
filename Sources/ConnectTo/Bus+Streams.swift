import ConnectToLinux
public import ConnectToPorts

extension Bus {
    /// Opens a stream of bytes to a context by name, and returns it once the listener has admitted this program.
    ///
    /// The context has to be registered for streams (``LineFormat/stream``). Otherwise this works as
    /// ``connectTo(_:origin:options:)``, with the same waits. Nothing is sent before the listener has admitted the
    /// caller.
    /// - Parameters:
    ///   - name: the context's name.
    ///   - origin: the application id that the name lives under.
    ///   - options: how long to wait, what to send to the listener, and which listener to accept.
    /// - Throws: ``PortError`` with ``PortError/Code/closed`` where no stream could be opened; its
    ///   ``PortError/reason`` says why, as a port's ``MessagePort/closeReason`` does: among others
    ///   ``CloseReason/Code/refused`` for a context of messages. ``PortError/Code/cancelled`` where the task is
    ///   cancelled, ``PortError/Code/outOfResources`` where the process has no descriptors left.
    public func openStream(
        to name: String, origin: String = ContextName.defaultOrigin, options: ConnectOptions = ConnectOptions()
    ) async throws(PortError) -> ByteStream {
        let context: ContextName
        do throws(ConnectToError) {
            context = try ContextName(name, origin: origin)
            try options.metadata.checked()
        } catch {
            throw .noStream(CloseReason(.invalid, detail: error.message))
        }
        let opening: StreamOpening
        do throws(SystemError) {
            opening = try StreamOpening()
        } catch {
            throw .outOfResources("a socket pair for the stream could not be made", error)
        }
        introduce(opening, to: context, as: .stream, options)
        switch await opening.wait() {
        case .open(let stream): return stream
        case .failed(let reason): throw .noStream(reason)
        }
    }
}

extension PortError {
    fileprivate static func noStream(_ reason: CloseReason) -> PortError {
        reason.code == .cancelled
            ? PortError(.cancelled, reason.detail, reason: reason)
            : PortError(.closed, "the stream could not be opened: \(reason.detail)", reason: reason)
    }
}
