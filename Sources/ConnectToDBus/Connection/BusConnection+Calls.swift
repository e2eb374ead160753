import ConnectToLinux
import Synchronization

extension BusConnection {
    /// Calls a method. The base of everything else, and the fast way for code on the loop.
    ///
    /// - Parameters:
    ///   - deadline: when the completion is called with `timedOut` at the latest.
    ///   - completion: called exactly once, on the loop, never before this returns: with the reply, the error
    ///     that came instead of it, or a local error (`timedOut`, `disconnected`, `offline`, `invalid`,
    ///     `exhausted`).
    package func call(
        _ call: OutgoingCall, deadline: Duration, completion: @escaping Completion
    ) {
        link.call(call, deadline: deadline, completion: completion)
    }

    /// The same, awaited. Cancelling the task settles the call at once with `cancelled`; what was sent is sent.
    package func call(_ call: OutgoingCall, deadline: Duration) async throws(DBusError) -> Reply {
        if Task.isCancelled { throw .cancelled("the call of \(call.member) was cancelled") }
        let ticket = Ticket()
        // The one that it goes out by: another may be in its place when the task is cancelled.
        let link = link
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let serial = self.link.call(call, deadline: deadline) { continuation.resume(returning: $0) }
                ticket.serial.store(serial, ordering: .relaxed)
            }
        } onCancel: {
            // Runs when the loop has finished what it is at, the sending included: the number is there.
            reactor.execute {
                link.abandon(ticket.serial.load(ordering: .relaxed)) { .cancelled("\($0) was cancelled") }
            }
        }
        return try result.get()
    }

    /// Hands the number of a call from the loop to the closure that may abandon it.
    private final class Ticket: Sendable {
        let serial = Atomic<UInt32>(0)
    }

    /// Answers a call. Nothing is sent where the caller does not wait, or the connection it came over is gone; a body
    /// that D-Bus cannot carry becomes an error reply.
    package func reply(to call: MethodCall, _ body: [DBusValue] = []) {
        link.reply(to: call, body)
    }

    /// Answers a call with an error. `name` follows the rule for interfaces.
    package func replyError(to call: MethodCall, name: String, message: String) {
        link.replyError(to: call, name: name, message: message)
    }
}
