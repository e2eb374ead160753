import ConnectToDBus
import ConnectToPorts
import Testing

@testable import ConnectTo

/// The table "Answers" of `dbus/PROTOCOL.md`, row by row, for both policies.
@Suite("The caller's side of an introduction, without I/O", .timeLimit(.minutes(1)))
struct CallerIntroductionTests {
    private static let freedesktop = "org.freedesktop.DBus.Error."
    private static let waiting = WaitPolicy.untilAvailable(for: .seconds(10))
    private static let policies = [WaitPolicy.now, waiting]

    private func introduction(_ policy: WaitPolicy) throws -> CallerIntroduction {
        CallerIntroduction(to: try ContextName("x"), policy: policy)
    }

    private func code(_ step: CallerIntroduction.Step) -> CloseReason.Code? {
        if case .fail(let reason) = step { reason.code } else { nil }
    }

    private func answered(_ name: String) -> DBusError {
        DBusError(name: name, message: "the message")
    }

    @Test("A welcome opens the caller's introduction", arguments: policies)
    func welcomeOpens(policy: WaitPolicy) throws {
        let state = try introduction(policy)
        #expect(state.didReceiveWelcome([Greeting(metadata: ["a": "b"]).encoded]) == .open(isPartial: false))
        var later = Greeting()
        later.version = 7
        later.context = "whatever"
        #expect(state.didReceiveWelcome([later.encoded]) == .open(isPartial: false))
    }

    @Test("dbus-broker's error for a failed start is not taken for a missing name", arguments: policies)
    func brokersStartFailureIsNotAMissingName(policy: WaitPolicy) throws {
        for message in ["Could not activate remote peer.", "Could not activate remote peer: unit failed."] {
            var state = try introduction(policy)
            let error = DBusError(name: Self.freedesktop + "NameHasNoOwner", message: message)
            #expect(code(state.didFail(error)) == .startFailed)
        }
        var state = try introduction(policy)
        let other = DBusError(name: Self.freedesktop + "ServiceUnknown", message: "The name is not activatable")
        #expect(code(state.didFail(other)) == nil)
    }

    @Test(
        "A broken welcome ends the caller's introduction as a protocol error",
        arguments: [
            [], [DBusValue.string("hi")], [Greeting().encoded, .string("more")],
            [
                .dictionary(
                    key: "s", value: "v", [.init(.string("version"), .variant(.uint32(0)))])
            ],
            [
                .dictionary(
                    key: "s", value: "v", [.init(.string("version"), .variant(.string("1")))])
            ],
            [
                .dictionary(
                    key: "s", value: "v",
                    [.init(.string("features"), .variant(.array(of: "s", [.string("not-offered")])))])
            ],
        ])
    func brokenWelcomeIsProtocolError(body: [DBusValue]) throws {
        guard case .breakOff(let reason) = try introduction(.now).didReceiveWelcome(body) else {
            Issue.record("was taken for a welcome")
            return
        }
        #expect(reason.code == .protocolError)
    }

    @Test(
        "An answer that refuses ends the caller's introduction at once, whatever the wait",
        arguments: policies,
        [
            ("org.connectto.Error.Refused", CloseReason.Code.refused),
            ("org.connectto.Error.Busy", .busy),
            ("org.connectto.Error.SomethingNew", .refused),
            (freedesktop + "AccessDenied", .refused),
            (freedesktop + "InvalidArgs", .protocolError),
            (freedesktop + "NoReply", .peerExited),
            (freedesktop + "Disconnected", .peerExited),
            (freedesktop + "Failed", .protocolError), (freedesktop + "LimitsExceeded", .busy),
            (freedesktop + "Spawn.ChildExited", .startFailed),
            (freedesktop + "TimedOut", .timedOut),
            ("org.connectto.ErrorOfAnotherKind", .protocolError),
        ])
    func refusalsEndAtOnce(policy: WaitPolicy, answer: (String, CloseReason.Code)) throws {
        var state = try introduction(policy)
        #expect(code(state.didFail(answered(answer.0))) == answer.1)
    }

    @Test(
        "A failure on the caller's side has a reason of its own, whatever its D-Bus name",
        arguments: policies,
        [
            (DBusError.disconnected("gone"), CloseReason.Code.busLost),
            (.invalid("no name"), .invalid),
            (.exhausted("no memory"), .outOfResources),
            (.cancelled("given up"), .cancelled),
        ])
    func localFailuresHaveOwnReasons(policy: WaitPolicy, failure: (DBusError, CloseReason.Code)) throws {
        var state = try introduction(policy)
        #expect(code(state.didFail(failure.0)) == failure.1)
    }

    @Test(
        "A call without an answer in time says that its program does not answer, or has not registered the name yet",
        arguments: policies, [(true, "busy"), (false, "yet"), (nil, "busy")] as [(Bool?, String)])
    func lateAnswerSaysWhichProgramIsLate(policy: WaitPolicy, owned: (Bool?, String)) throws {
        var state = try introduction(policy)
        #expect(state.didFail(.timedOut("late")) == .lookForOwner)
        guard case .fail(let reason) = state.didLook(isOwned: owned.0) else {
            Issue.record("the introduction goes on")
            return
        }
        #expect(reason.code == .timedOut)
        for word in ["busy", "yet"] { #expect(reason.detail.contains(word) == (word == owned.1)) }
    }

    @Test("An answer that cannot be read ends the line, though the listener may have opened it", arguments: policies)
    func unreadableAnswerEndsLine(policy: WaitPolicy) throws {
        var state = try introduction(policy)
        guard case .breakOff(let reason) = state.didFail(.malformed("no descriptor")) else {
            Issue.record("the line goes on")
            return
        }
        #expect(reason.code == .protocolError)
    }

    @Test(
        "Without a wait, a name without an owner is called once more, then is unavailable",
        arguments: ["ServiceUnknown", "NameHasNoOwner"])
    func nameWithoutOwnerWithoutWait(name: String) throws {
        var state = try introduction(.now)
        #expect(state.didFail(answered(Self.freedesktop + name)) == .call)
        #expect(code(state.didFail(answered(Self.freedesktop + name))) == .unavailable)
    }

    @Test(
        "With a wait, a name without an owner is watched, called again, then awaited for as long as it takes",
        arguments: ["ServiceUnknown", "NameHasNoOwner"])
    func nameWithoutOwnerWithWait(name: String) throws {
        var state = try introduction(Self.waiting)
        let error = answered(Self.freedesktop + name)
        #expect(state.didFail(error) == .subscribeAndCall)
        for _ in 0..<10 { #expect(state.didFail(error) == .awaitOwner) }
        #expect(state.didReceiveWelcome([Greeting().encoded]) == .open(isPartial: false))
    }

    @Test(
        "An owner that is not a context is unavailable without a wait; with one, the next owner may be a context",
        arguments: ["UnknownObject", "UnknownMethod", "UnknownInterface"])
    func ownerThatIsNotAContext(name: String) throws {
        let error = answered(Self.freedesktop + name)
        var now = try introduction(.now)
        #expect(code(now.didFail(error)) == .unavailable)
        var waiting = try introduction(Self.waiting)
        #expect(waiting.didFail(error) == .subscribeAndCall)
        #expect(waiting.didFail(error) == .awaitOwner)
        #expect(code(waiting.didRunOutOfTime()) == .timedOut)
    }

    @Test("A listener that died with the call is not followed by another, even after a retry")
    func callIsNotRepeatedAfterDeath() throws {
        var state = try introduction(Self.waiting)
        _ = state.didFail(answered(Self.freedesktop + "ServiceUnknown"))
        _ = state.didFail(answered(Self.freedesktop + "ServiceUnknown"))
        #expect(code(state.didFail(answered(Self.freedesktop + "NoReply"))) == .peerExited)
    }
}
