import ConnectToLinux
public import ConnectToPorts

/// One end of a stream to another program: a connected socket that carries bytes and nothing else.
///
/// What the bytes mean is for the two programs, or for a library that speaks a protocol over sockets (HTTP, TLS). The
/// stream owns the socket: lend it out with ``withFileDescriptor(_:)``, or take it with ``takeFileDescriptor()``.
/// Nothing is read, written, queued or watched here, so that the other side has gone shows to a reader of the socket: as
/// the end of file. The half-close is `shutdown(SHUT_WR)`.
///
/// A stream that is dropped (its last reference gone) closes itself. It may be used from any thread, and no call waits.
public final class ByteStream: Sendable {
    /// The socket, and what is counted for as long as the stream has it.
    private struct Held {
        let socket: StreamSocket
        let share: Traffic.Share?
    }

    private let held: Lock<Held?>

    /// Whether the listener may end the stream before it has taken everything, having no use for the rest: then what was
    /// not taken is no loss. Told to callers when they are admitted; on a listener's own end it is what the context was
    /// registered with.
    public let isPartial: Bool

    /// - Parameter traffic: where it is counted as open, until it is closed or its socket is taken.
    init(_ socket: StreamSocket, isPartial: Bool, traffic: Traffic? = nil) {
        held = Lock(Held(socket: socket, share: traffic.map(Traffic.Share.init)))
        self.isPartial = isPartial
    }

    deinit {
        close()
    }

    /// Whether it has been closed here, or its socket has been taken. What the other side does has no effect on it.
    public var isDetached: Bool { held.withLock { $0 == nil } }

    /// Lends the socket's descriptor, which must not be closed: connected, AF_UNIX and SOCK_STREAM, closed on exec, and
    /// blocking as a rule (the other side shares the flag, and may change it).
    ///
    /// ``close()`` from another thread meanwhile shuts the socket down; the number stays valid until the closure has
    /// returned.
    /// - Returns: nil where the stream has been closed, or its socket taken.
    public func withFileDescriptor<Result>(_ body: (Int32) throws -> Result) rethrows -> Result? {
        guard let socket = held.withLock({ $0?.socket }) else { return nil }
        defer { withExtendedLifetime(socket) {} }
        return try body(socket.descriptor.rawValue)
    }

    /// Takes the socket out, for another library to go on with; the program owns it and has to close it.
    ///
    /// The descriptor is as that of ``withFileDescriptor(_:)``. The stream is of no more use then, and says nothing to the
    /// other side. What the other side wrote before it went can still be read. From here on the stream no longer counts
    /// against the limits of its caller (``CallerLimits``).
    /// - Throws: ``PortError``: ``PortError/Code/detached`` where it has been closed or taken before;
    ///   ``PortError/Code/outOfResources`` where the process has no descriptor left, with the stream as it was.
    public func takeFileDescriptor() throws(PortError) -> Int32 {
        let result: Result<Int32, PortError> = held.withLock { held in
            guard let socket = held?.socket else {
                return .failure(
                    PortError(.detached, "the stream was closed here, or its socket taken, before; open another one"))
            }
            do throws(SystemError) {
                let number = try socket.descriptor.duplicateNumber()
                held = nil
                return .success(number)
            } catch {
                return .failure(.outOfResources("the stream's socket could not be taken", error))
            }
        }
        return try result.get()
    }

    /// Ends both directions at once, and closes the socket. What was written before can still be read by the other side;
    /// what it wrote and was not read here is lost. Does nothing where the socket has been taken.
    public func close() {
        letGo()?.shutdown()
    }

    /// Lets go of a socket that the other side may hand to another listener, without a word on it.
    func abandon() {
        _ = letGo()
    }

    private func letGo() -> StreamSocket? {
        held.withLock { held in
            defer { held = nil }
            return held?.socket
        }
    }
}
