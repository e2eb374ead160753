@testable import ConnectToDBus

/// The objects that tests call.
enum Objects {
    static let interface = "org.example.Test"
    /// Replies with the body of the call.
    static let echo = "/org/example/echo"
    /// Accepts calls and never replies.
    static let silent = "/org/example/silent"
}

extension BusConnection {
    func export(path: String, handler: @escaping @Sendable (MethodCall) -> Void) {
        export { call in
            if call.path != path { return false }
            handler(call)
            return true
        }
    }

    func exportEcho() {
        export(path: Objects.echo) { [weak self] call in
            self?.assumeIsolated { $0.reply(to: call, call.body) }
        }
    }

    /// Exports ``Objects/silent``, and passes each call to a closure.
    func exportSilent(_ onCall: @escaping @Sendable (MethodCall) -> Void = { _ in }) {
        export(path: Objects.silent, handler: onCall)
    }
}

extension OutgoingCall {
    static func test(
        _ destination: String, _ path: String = Objects.echo, _ body: [DBusValue] = []
    ) -> OutgoingCall {
        OutgoingCall(
            destination: destination, path: path, interface: Objects.interface, member: "Call", body: body)
    }
}
