import ConnectToLinux
import ConnectToPorts

/// A name that others can connect to, for as long as it is registered.
///
/// It is unregistered by ``unregister()``, when its last reference and its last ``ConnectEvents`` are dropped, when the task
/// that takes ``connectEvents`` is cancelled, and when the bus is lost. While the bus is away for a time it is kept
/// (``Bus/status``). Ports that came from it live on.
public final class Context: Sendable {
    let registration: Registration

    init(_ registration: Registration) {
        self.registration = registration
    }

    deinit {
        registration.withdrawSoon(.unregistered)
    }

    /// The name it was registered under.
    public var name: String { registration.context.name }
    /// The application id that the name lives under.
    public var origin: String { registration.context.origin }
    /// Its well-known name on the bus.
    public var busName: String { registration.context.busName }
    /// Free text about it that everybody on the bus can read.
    public var metadata: [String: String] { registration.metadata }

    /// What lines to it carry.
    public var format: LineFormat { registration.format }

    /// What state it is in just now: registered, standing by, waiting for the bus to come back, or ended.
    public var status: Status {
        switch registration.status {
        // A program gets its context when the bus has answered.
        case .requested, .registered: .registered
        case .standby: .standby
        case .interrupted: .reconnecting
        case .ended: .ended
        }
    }

    /// What it has done so far, counted.
    public var statistics: ContextStatistics { registration.statistics }

    /// Waits until the name has become this process's; returns at once, but for a standby. It returns also where the name
    /// has been this process's and the context has ended since.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/contextEnded`` where the context ended before the name became
    ///   this process's; ``ConnectToError/Code/cancelled`` where the task is cancelled, and the context lives on.
    public func waitUntilRegistered() async throws(ConnectToError) {
        let name = registration.context.quoted
        switch await registration.hasOwnedName.wait() {
        case true?: return
        case false?: throw .ended(registration.context, endReason)
        case nil: throw ConnectToError(.cancelled, "waiting for the name \(name) was cancelled; the context lives on")
        }
    }

    /// The "connect" events: one for each caller that was admitted, with the port to it. Reading this has no effect; making
    /// an iterator of it claims the events for one task.
    ///
    /// Up to 256 callers of one program wait to be taken, 512 of one user and 1,024 in all; further ones end with
    /// ``CloseReason/Code/busy``. The sequence ends, after those that wait, when the context is unregistered;
    /// ``endReason`` says why.
    public var connectEvents: ConnectEvents { ConnectEvents(context: self) }

    /// The callers' streams: one for each caller that was admitted to a context that is registered for streams
    /// (``LineFormat/stream``). Otherwise as ``connectEvents``, with the same bounds. A context has one of the two: taking
    /// the other throws ``ConnectToError/Code/otherFormat``.
    ///
    /// ```swift
    /// let context = try await bus.register("web", options: ContextOptions(format: .stream))
    /// for try await event in context.streams { serve(try event.stream.takeFileDescriptor()) }
    /// ```
    public var streams: StreamEvents { StreamEvents(context: self) }

    /// Why the context is no longer registered; nil while it is, or stands by.
    public var endReason: EndReason? {
        if case .ended(let reason) = registration.status { reason } else { nil }
    }

    /// Gives the name back; the bus has confirmed it when this returns, also in a task that is cancelled. Programs that
    /// call from then on do not find the context. Ports that are open stay open.
    public func unregister() async {
        await registration.withdraw(.unregistered)
    }
}
