import ConnectToLinux
import ConnectToPorts

/// A name that other programs can connect to, for as long as it is registered.
///
/// It is unregistered by ``unregister()``, when its last reference and its last ``ConnectEvents`` are dropped, when
/// the task that takes ``connectEvents`` is cancelled, and when the bus is lost. While the bus is away for a time,
/// the context is kept (``Bus/status``). Ports that came from it live on.
public final class Context: Sendable {
    let registration: Registration

    init(_ registration: Registration) {
        self.registration = registration
    }

    deinit {
        registration.withdrawSoon(.unregistered)
    }

    /// The name that the context was registered under.
    public var name: String { registration.context.name }
    /// The application id that the name lives under.
    public var origin: String { registration.context.origin }
    /// The context's well-known name on the bus.
    public var busName: String { registration.context.busName }
    /// Free text about the context that every program on the bus can read.
    public var metadata: [String: String] { registration.metadata }

    /// What lines to the context carry.
    public var format: LineFormat { registration.format }

    /// The context's state just now: registered, standing by, waiting for the bus to come back, or ended.
    public var status: Status { registration.contextStatus }

    /// The status when a task begins to take them, and each status that follows. Ends after ``Status/ended``, and when
    /// the task is cancelled.
    ///
    /// A context that stands by becomes ``Status/registered`` when the owner of the name goes. When the bus has been
    /// away, owner and standby may have changed places: both see ``Status/reconnecting``, then their new status.
    ///
    /// Any number of tasks may take them, each at its own pace. For a slow task the newest 64 are kept.
    public var statusChanges: StatusChanges<Status> { StatusChanges(board: registration.board) }

    /// What the context has done so far, counted.
    public var statistics: ContextStatistics { registration.statistics }

    /// Waits until this process owns the name. Returns at once, except for a standby; also where this process has
    /// owned the name and the context has ended since.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/contextEnded`` where the context ended before this process
    ///   owned the name; ``ConnectToError/Code/cancelled`` where the task is cancelled, and the context lives on.
    public func waitUntilRegistered() async throws(ConnectToError) {
        let name = registration.context.quoted
        switch await registration.hasOwnedName.wait() {
        case true?: return
        case false?: throw .ended(registration.context, endReason)
        case nil: throw ConnectToError(.cancelled, "waiting for the name \(name) was cancelled; the context goes on")
        }
    }

    /// The "connect" events: one for each caller that was admitted, with the port to it. Reading this property has no
    /// effect; making an iterator of it claims the events for one task.
    ///
    /// Up to 256 callers of one program wait to be taken, 512 of one user and 1,024 in all. Further callers end with
    /// ``CloseReason/Code/busy``. When the context is unregistered, the sequence ends after the callers that wait;
    /// ``endReason`` says why.
    public var connectEvents: ConnectEvents {
        ConnectEvents(of: self, format: .messages) { $0.connectEvent }
    }

    /// The callers' streams: one for each caller that was admitted to a context that is registered for streams
    /// (``LineFormat/stream``). Otherwise as ``connectEvents``, with the same bounds. A context has either events or
    /// streams: taking the other kind throws ``ConnectToError/Code/otherFormat``.
    ///
    /// ```swift
    /// let context = try await bus.register("web", options: ContextOptions(format: .stream))
    /// for try await event in context.streams { serve(try event.stream.takeFileDescriptor()) }
    /// ```
    public var streams: StreamEvents { StreamEvents(of: self, format: .stream) { $0.streamEvent } }

    /// Waits until the context has ended, and returns why. It does not wait for the callers that came before: their
    /// ports go on, and so does ``serve(limit:onError:_:)`` for them.
    /// - Throws: ``ConnectToError`` with ``ConnectToError/Code/cancelled`` where the task is cancelled, and the context
    ///   lives on.
    public func waitUntilEnded() async throws(ConnectToError) -> EndReason {
        for await _ in statusChanges {}
        if let endReason { return endReason }
        throw ConnectToError(
            .cancelled,
            "waiting for the end of the context \(registration.context.quoted) was cancelled; the context lives on")
    }

    /// Why the context ended; nil while it is registered, stands by, or waits for the bus.
    public var endReason: EndReason? {
        if case .ended(let reason) = registration.status { reason } else { nil }
    }

    /// Gives the name back. The bus has confirmed that when this returns, even in a cancelled task. Programs that
    /// call from then on do not find the context. Open ports stay open.
    public func unregister() async {
        await registration.withdraw(.unregistered)
    }
}
