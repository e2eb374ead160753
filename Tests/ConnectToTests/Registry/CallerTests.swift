import ConnectToLinux
import Testing

@testable import ConnectTo
@testable import ConnectToDBus

@Suite("A caller that waits for the listener's decision")
struct CallerTests {
    /// What is held of a call with these options.
    private func caller(_ options: [(String, DBusValue)]) throws -> Registry.Caller {
        let (near, far) = try StreamSocket.pair()
        let hello = DBusValue.dictionary(
            key: "s", value: "v", options.map { .init(.string($0.0), .variant($0.1)) })
        let call = MethodCall(
            sender: ":1.1", path: "/", interface: nil, member: "Connect",
            body: [.unixFD(far.descriptor), hello], expectsReply: true, serial: 1)
        let registration = Registration(try ContextName("x"))
        let share = try #require(Callers(CallerLimits()).hold(0))
        return Registry.Caller(call, near, try Greeting(decoding: hello), registration, share)
    }

    @Test("A caller that waits for a decision keeps nothing of its call that the listener does not need")
    func waitingCallerHoldsOnlyItsFacts() throws {
        let megabyte = DBusValue.string(String(repeating: "x", count: 1 << 20))
        let caller = try self.caller([
            ("org.example.Unknown", megabyte), ("features", .array(of: "s", [megabyte])),
            ("format", megabyte), ("context", megabyte),
        ])
        #expect(caller.call.body.isEmpty)
        #expect(caller.format == nil)
        #expect(caller.claimedContext == nil)
        #expect(caller.metadata.isEmpty)
    }

    @Test("A caller that waits for a decision keeps its metadata, its context and its format")
    func waitingCallerKeepsWhatItSaid() throws {
        let name = try ContextName("y")
        let caller = try self.caller([
            ("context", .string(name.busName)), ("format", .string("stream")),
            ("metadata", ["a": "b"].encoded),
        ])
        #expect(caller.claimedContext == name)
        #expect(caller.format == .stream)
        #expect(caller.metadata == ["a": "b"])
        #expect(try self.caller([]).format == .messages)
    }
}
