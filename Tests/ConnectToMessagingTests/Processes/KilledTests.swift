import ConnectTo
import ConnectToFarSide
import ConnectToLinux
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import Testing

@Suite("Calls with a process that is killed", .privateBus, .timeLimit(.minutes(1)))
struct KilledTests {
    @Test(
        "A request ends within a second when the callee is killed, wherever it has come to",
        arguments: CallStep.allCases)
    func calleeIsKilled(step: CallStep) async throws {
        try await withOtherSide { other in
            // What is sent to a process that stands still stays with the kernel.
            if step == .sent { try other.peer.suspend() }
            let asking = Task.immediate { await other.side.ask(step, other.messenger, within: .seconds(50)) }
            await other.reach(step, callee: other.peer.line, caller: other.line)
            let ended = await promptly {
                other.peer.kill()
                other.side.goOn.set()
                return await asking.value
            }
            #expect(ended == step.outcomes("line-ended"))
            if step == .nested { #expect(await promptly { await other.line() } == "cancelled") }
            let later = await promptly { await CallsSide.outcome { try await other.messenger.request("echo") } }
            #expect(later.hasPrefix("line-ended"))
            #expect(other.messenger.closeReason?.code == .peerExited)
        }
    }

    @Test(
        "A handler is cancelled within a second when the caller is killed, wherever it has come to",
        arguments: CallStep.allCases)
    func callerIsKilled(step: CallStep) async throws {
        try await withOtherSide { other in
            try other.messenger.post(CallsSide.ask, .init(step, milliseconds: 50_000))
            await other.reach(step, callee: other.line, caller: other.peer.line)
            if step == .sent { #expect(await other.line() == "started") }
            await promptly {
                other.peer.kill()
                for line in step.calleeCancelled { #expect(await other.line() == line) }
                if step == .nested { #expect(await other.line() == "nested: line-ended sent") }
            }
            let later = await promptly { await CallsSide.outcome { try await other.messenger.request("echo") } }
            #expect(later.hasPrefix("line-ended"))
        }
    }

    @Test("Of the requests to a program that is killed before its hello, one was sent and the others wait")
    func beforeHello() async throws {
        try await withOtherSide(saysHello: false) { other in
            let asking = Task.immediate { await other.side.ask(.queued, other.messenger, within: .seconds(50)) }
            let ended = await promptly {
                other.peer.kill()
                return await asking.value
            }
            #expect(ended == ["line-ended sent", "line-ended waiting", "line-ended waiting"])
        }
    }

    @Test("Every request ends when a program is killed in the midst of many, in both directions", arguments: 0..<8)
    func inTheMidst(round: Int) async throws {
        try await withOtherSide { other in
            try other.messenger.post("check")
            let outcomes = await withTaskGroup(of: String.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        await CallsSide.outcome {
                            if number % 4 > 0 {
                                _ = try await other.messenger.request("echo", .text("x"))
                                return
                            }
                            for try await _ in try other.messenger.stream("echo", .text("x")) {}
                        }
                    }
                }
                var outcomes: [String] = []
                for _ in 0..<round * 6 { if let outcome = await group.next() { outcomes.append(outcome) } }
                await promptly {
                    other.peer.kill()
                    for await outcome in group { outcomes.append(outcome) }
                }
                return outcomes
            }
            #expect(outcomes.count == 64)
            #expect(Set(outcomes).isSubset(of: ["result", "line-ended sent", "line-ended waiting"]))
            #expect(outcomes.prefix(round * 6).allSatisfy { $0 == "result" })
        }
    }
}
