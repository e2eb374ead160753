/// Why a private bus could not be started, or is not available to a test.
public struct PrivateBusError: Error, Sendable, CustomStringConvertible {
    /// The kind of error; compare with the constants. New ones may come, so a `switch` needs a default.
    public struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The code as it stands in logs.
        public let rawValue: String

        /// A code from a log, to compare with.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The program `dbus-daemon` was not found on the PATH.
        public static let daemonMissing = Code(rawValue: "daemon-missing")
        /// The daemon ended before it printed its address.
        public static let startFailed = Code(rawValue: "start-failed")
        /// The daemon did not print its address within ten seconds.
        public static let startTimedOut = Code(rawValue: "start-timed-out")
        /// ``PrivateBus/current`` was read outside of a test that has the trait `.privateBus`.
        public static let noCurrentBus = Code(rawValue: "no-current-bus")

        public var description: String { rawValue }
    }

    /// The kind of error.
    public let code: Code
    /// What happened and what to do next, for a person.
    public let message: String

    public var description: String { "\(code): \(message)" }

    static var daemonMissing: Self {
        Self(
            code: .daemonMissing,
            message: "dbus-daemon was not found on the PATH; install it: "
                + "`apt-get install dbus` (Debian, Ubuntu), `dnf install dbus-daemon` (Fedora), "
                + "`pacman -S dbus` (Arch)")
    }

    static func startFailed(log: String) -> Self {
        Self(
            code: .startFailed,
            message: "dbus-daemon ended before it printed its address; its output was: "
                + (log.isEmpty ? "nothing" : log))
    }

    static func startTimedOut(after limit: Duration, log: String) -> Self {
        Self(
            code: .startTimedOut,
            message: "dbus-daemon did not print its address within \(limit); its output was: "
                + (log.isEmpty ? "nothing" : log))
    }

    static var noCurrentBus: Self {
        Self(
            code: .noCurrentBus,
            message: "this test has no private bus: give it or its suite the trait `.privateBus`, and read "
                + "`PrivateBus.current` in the test's own task (a detached task does not inherit it)")
    }
}
