import ConnectTo
import ConnectToFarSide
import ConnectToLinux
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import Testing

@Suite("Calls with a process that stands still", .privateBus, .timeLimit(.minutes(1)))
struct StoppedTests {
    @Test(
        "A request ends at its deadline when the callee stands still, and all places are there when it goes on",
        arguments: CallStep.allCases)
    func calleeIsStopped(step: CallStep) async throws {
        try await withOtherSide { other in
            if step == .sent { try other.peer.suspend() }
            let ended = await promptly(within: .seconds(2)) {
                async let outcomes = other.side.ask(step, other.messenger, within: .seconds(1))
                await other.reach(step, callee: other.peer.line, caller: other.line)
                if step != .sent { try? other.peer.suspend() }
                other.side.goOn.set()
                return await outcomes
            }
            #expect(ended == step.outcomes("deadline"))
            other.peer.resume()
            try await goesOn(other)
        }
    }

    @Test(
        "A handler is cancelled at its deadline when the caller stands still, and all places are there when it goes on",
        arguments: CallStep.allCases)
    func callerIsStopped(step: CallStep) async throws {
        try await withOtherSide { other in
            try await promptly(within: .seconds(2)) {
                try other.messenger.post(CallsSide.ask, .init(step, milliseconds: 1_000))
                await other.reach(step, callee: other.line, caller: other.peer.line)
                if step == .sent { #expect(await other.line() == "started") }
                try other.peer.suspend()
                for line in step.calleeCancelled { #expect(await other.line() == line) }
                if step == .nested { #expect(await other.line() == "nested: deadline sent") }
            }
            other.peer.resume()
            try await goesOn(other)
        }
    }

    @Test(
        "Requests to a program that stands still before its hello end at their deadlines, and later ones are answered")
    func beforeHello() async throws {
        try await withOtherSide(saysHello: false) { other in
            try other.peer.suspend()
            let ended = await promptly(within: .milliseconds(1_300)) {
                await other.side.ask(.queued, other.messenger, within: .milliseconds(300))
            }
            #expect(ended == ["deadline sent", "deadline waiting", "deadline waiting"])
            other.peer.resume()
            try await other.peer.type()
            try await goesOn(other)
        }
    }

    /// What was held back goes on, and both sides find all places.
    private func goesOn(_ other: OtherSide) async throws {
        other.side.goOn.set()
        try other.messenger.post("go on")
        #expect(await other.side.check(other.messenger) == CallsSide.allAnswered)
        try other.messenger.post("check")
        // Before that it says what has become of requests of its own.
        while let line = await other.peer.line() {
            if line.hasSuffix("answered"), line != "answered" { return #expect(line == CallsSide.allAnswered) }
        }
        Issue.record("the other process has not answered")
    }
}
