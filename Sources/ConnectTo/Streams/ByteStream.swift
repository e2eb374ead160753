import ConnectToLinux
public import ConnectToPorts

/// One end of a stream to another program: a connected socket that carries bytes and nothing else.
///
/// What the bytes mean is up to the two programs, or to a library that speaks a protocol over sockets (HTTP, TLS).
/// The stream owns the socket: lend it with ``withFileDescriptor(_:)``, or take it with ``takeFileDescriptor()``. The
/// stream itself does not read, write, queue or watch anything. So only a reader of the socket sees that the other
/// side has gone, as the end of file. The half-close is `shutdown(SHUT_WR)`.
///
/// A stream that is dropped (its last reference gone) closes itself. It may be used from any thread, and no call waits.
public final class ByteStream: Sendable {
    /// The socket, and the stream's share in the context's counts while it has the socket.
    private struct Held {
        let socket: StreamSocket
        let share: Traffic.Share?
    }

    private let held: Lock<Held?>

    /// Whether the listener may end the stream before it has taken everything, because it has no use for the rest:
    /// then what was not taken is no loss. Callers learn this when they are admitted. On a listener's own end it is
    /// what the context was registered with.
    public let isPartial: Bool

    /// - Parameter traffic: counts the stream as open, until it is closed or its socket is taken.
    init(_ socket: StreamSocket, isPartial: Bool, traffic: Traffic? = nil) {
        held = Lock(Held(socket: socket, share: traffic.map(Traffic.Share.init)))
        self.isPartial = isPartial
    }

    deinit {
        close()
    }

    /// Whether the stream has been closed here, or its socket has been taken. The other side has no effect on this.
    public var isDetached: Bool { held.withLock { $0 == nil } }

    /// Lends the socket's descriptor, which must not be closed. It is a connected AF_UNIX SOCK_STREAM socket, is
    /// closed on exec, and blocks as a rule (the other side shares the flag, and may change it).
    ///
    /// Where another thread calls ``close()`` meanwhile, the socket is shut down; the number stays valid until the
    /// closure has returned.
    /// - Returns: nil where the stream has been closed, or its socket taken.
    public func withFileDescriptor<Result>(_ body: (Int32) throws -> Result) rethrows -> Result? {
        guard let socket = held.withLock({ $0?.socket }) else { return nil }
        defer { withExtendedLifetime(socket) {} }
        return try body(socket.descriptor.rawValue)
    }

    /// Takes the socket out of the stream, for use by another library. The program owns the descriptor and has to
    /// close it.
    ///
    /// The descriptor is like that of ``withFileDescriptor(_:)``. The stream can no longer be used then, and writes
    /// nothing to the other side. What the other side wrote before it went can still be read. From here on the stream
    /// no longer counts against the limits of its caller (``CallerLimits``).
    /// - Throws: ``PortError``: ``PortError/Code/detached`` where the stream has been closed, or its socket taken,
    ///   before; ``PortError/Code/outOfResources`` where the process has no descriptor left; the stream is unchanged
    ///   then.
    public func takeFileDescriptor() throws(PortError) -> Int32 {
        let result: Result<Int32, PortError> = held.withLock { held in
            guard let socket = held?.socket else {
                return .failure(
                    PortError(
                        .detached, "this program has closed the stream or taken its socket before; open another stream")
                )
            }
            do throws(SystemError) {
                let number = try socket.descriptor.duplicateNumber()
                held = nil
                return .success(number)
            } catch {
                return .failure(.outOfResources("the socket of the stream could not be taken", error))
            }
        }
        return try result.get()
    }

    /// Ends both directions at once, and closes the socket. The other side can still read what was written before;
    /// what it wrote and was not read here is lost. Does nothing where the socket has been taken.
    public func close() {
        letGo()?.shutdown()
    }

    /// Releases the socket without writing to it or shutting it down: the other side may hand it to another listener.
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
