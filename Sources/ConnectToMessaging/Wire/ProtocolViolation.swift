/// A rule of `dbus/CALLS.md` that the peer broke. It ends the line.
struct ProtocolViolation: Error, Equatable {
    let rule: String

    init(_ rule: String) {
        self.rule = rule
    }
}
