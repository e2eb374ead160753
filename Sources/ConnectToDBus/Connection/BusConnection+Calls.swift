import ConnectToLinux
import Synchronization

extension BusConnection {
    /// Calls a method. All other calls are built on this one, and code on the loop calls it without a suspension.
    ///
    /// - Parameters:
    ///   - deadline: how long to wait for the reply. After that the completion gets `timedOut`.
    ///   - completion: called exactly once, on the loop, and never before this returns: with the reply, with an error
    ///     reply, or with a local error (`timedOut`, `disconnected`, `offline`, `invalid`, `exhausted`).
    package func call(
        _ call: OutgoingCall, deadline: Duration, completion: @escaping Completion
    ) {
        link.call(call, deadline: deadline, completion: completion)
    }

    /// Calls a method and waits for its reply. Cancelling the task ends the wait at once with `cancelled`; a message
    /// that was sent is not recalled.
    package func call(_ call: OutgoingCall, deadline: Duration) async throws(DBusError) -> Reply {
        if Task.isCancelled {
            throw .cancelled(
                "\(OutgoingCall.title(member: call.member, destination: call.destination)) was cancelled")
        }
        let sent = SentSerial()
        // The link that the call is sent over. A reopened connection may have another one when the task is cancelled.
        let link = link
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let serial = self.link.call(call, deadline: deadline) { continuation.resume(returning: $0) }
                sent.serial.store(serial, ordering: .relaxed)
            }
        } onCancel: {
            // The loop runs this after the job that sends the call, so the serial number has been stored.
            reactor.execute {
                link.abandon(sent.serial.load(ordering: .relaxed)) { .cancelled("\($0) was cancelled") }
            }
        }
        return try result.get()
    }

    /// Passes the serial number of a call to the closure that may abandon the call.
    private final class SentSerial: Sendable {
        let serial = Atomic<UInt32>(0)
    }

    /// Replies to a call. Sends nothing where the caller expects no reply, or the link that the call came over is
    /// gone. If D-Bus cannot carry the body, the caller gets an error reply.
    package func reply(to call: MethodCall, _ body: [DBusValue] = []) {
        link.reply(to: call, body)
    }

    /// Replies to a call with an error. `name` follows the rules for interface names.
    package func replyError(to call: MethodCall, name: String, message: String) {
        link.replyError(to: call, name: name, message: message)
    }
}
