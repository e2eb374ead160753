import ConnectToDBus
import ConnectToLinux

/// How callers are refused.
extension Registry {
    private static let turnedAwayFor = Duration.milliseconds(100)
    private static let turnedAwayAtMost = 4_096

    func refuseAsBusy(_ call: MethodCall) {
        registration(at: call.path)?.activity.didRefuse()
        tellBusy(call)
    }

    /// Answers a little late. A caller that calls again as soon as it is answered is slowed down by that, and the
    /// callers beside it are not.
    func tellBusy(_ call: MethodCall) {
        guard call.expectsReply else { return }
        var call = call
        // The body holds descriptors: release them now.
        call.body = []
        turnedAway.append(call)
        if turnedAway.count >= Self.turnedAwayAtMost { return tellTurnedAway() }
        if turnedAway.count == 1 {
            loop.reactor.schedule(after: Self.turnedAwayFor) { [weak self] in
                self?.assumeIsolated { $0.tellTurnedAway() }
            }
        }
    }

    private func tellTurnedAway() {
        let calls = turnedAway
        turnedAway = []
        connection.assumeIsolated { connection in
            for call in calls {
                connection.replyError(
                    to: call, name: ContextInterface.busy,
                    message: "it has too many callers at the moment")
            }
        }
    }

    func refuse(_ call: MethodCall, _ name: String, _ message: String) {
        registration(at: call.path)?.activity.didRefuse()
        connection.assumeIsolated { $0.replyError(to: call, name: name, message: message) }
    }
}
