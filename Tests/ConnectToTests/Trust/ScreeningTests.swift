import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("The screening of callers", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct ScreeningTests {
    private func document(_ name: String?) -> ConnectOptions {
        ConnectOptions(wait: .now, metadata: name.map { ["document": $0] } ?? [:])
    }

    @Test("Screening refuses a caller by its metadata, with the program's reason, and others are served")
    func screeningRefusesByMetadata() async throws {
        let bus = try await Bus.onPrivateBus()
        try await withPeer("screen", "x") { peer in
            #expect(await peer.line() == "listening")
            let refused = bus.connectTo("x", options: document("lost"))
            try refused.postMessage("unheard")
            let reason = try await refused.waitUntilClosed()
            #expect(reason.code == .refused)
            #expect(reason.detail.contains("there is no document lost"))
            #expect(try await bus.connectTo("x", options: document(nil)).waitUntilClosed().code == .refused)
            #expect(try await bus.connectTo("x", options: document("known")).nextText() == "this is known")
            let statistics = try #require(try await bus.info("x")?.statistics)
            #expect(statistics.refused == 2)
            #expect(statistics.admitted == 1)
        }
    }

    @Test("Callers that the rule refuses get the sentence that the context has for them, and not the rule")
    func refusalOfRuleHasContextsSentence() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let rule = Admission.all(.sameUser, .not(.sameUser))
        _ = try await there.withContext(
            "x", options: .init(admission: rule, refusal: "ask the group lp for access")
        ) { _ in
            let reason = try await here.connectTo("x").waitUntilClosed()
            #expect(reason.code == .refused)
            #expect(reason.detail.contains("ask the group lp for access"))
            #expect(!reason.detail.contains("same user"))
        }
        _ = try await there.withContext("y", options: .init(admission: rule)) { _ in
            let reason = try await here.connectTo("y").waitUntilClosed()
            #expect(reason.detail.contains("rules do not admit"))
        }
    }

    @Test("A program can ask whether a rule admits a caller, in a screening of its own")
    func ownRules() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let verdicts = Lock<[Bool]>([])
        let screening = Screening { [weak there] caller in
            guard let there else { return .refuse(because: "the bus is gone") }
            let rules: [Admission] = [
                .sameUser, .not(.sameUser), .origins(["org.example.None"]), .custom { _ in true },
            ]
            for rule in rules {
                let isAdmitted = await there.admits(caller.peer, by: rule)
                verdicts.withLock { $0.append(isAdmitted) }
            }
            return .admit
        }
        _ = try await there.withContext("x", options: .init(screening: screening)) { _ in
            try await here.connectTo("x").waitUntilOpen()
        }
        #expect(verdicts.withLock { $0 } == [true, false, false, true])
    }

    @Test(
        "Callers that screening does not decide on are refused when the time is over, and leave nothing"
    )
    func undecidedCallersAreRefused() async throws {
        let bus = try await Bus.onPrivateBus()
        try await withPeer("screen", "x") { peer in
            #expect(await peer.line() == "listening")
            #expect(try await bus.connectTo("x", options: document("known")).nextText() == "this is known")
            let before = try peer.facts().descriptors
            let ports = (0..<100).map { _ in bus.connectTo("x", options: document("slow")) }
            for port in ports {
                let reason = try await port.waitUntilClosed()
                #expect(reason.code == .refused)
                #expect(reason.detail.contains("did not decide in time"))
            }
            #expect(try await bus.connectTo("x", options: document("known")).nextText() == "this is known")
            // The listener answers a caller a moment before it closes the caller's descriptor.
            while try peer.facts().descriptors > before + 1, !Task.isCancelled { await Task.yield() }
            #expect(try peer.facts().descriptors <= before + 1)
        }
    }

    @Test(
        "A caller that screening decides on late counts among its user's callers meanwhile, and waits for no event"
    )
    func undecidedCallersCount() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let (waiting, decided) = (Latch<Void>(), Latch<Void>())
        let screening = Screening { caller in
            waiting.set()
            _ = await decided.wait()
            return caller.metadata["document"] == nil ? .admit : .refuse(because: "no")
        }
        let context = try await there.register("x", options: .init(callerLimit: 1, screening: screening))
        let refused = here.connectTo("x", options: document("any"))
        _ = await waiting.wait()
        let uid = try #require(try await here.info("x")?.owner.uid)
        #expect(await there.registry.callers.ports(of: uid) == 1)
        #expect(!refused.isOpen)
        decided.set()
        #expect(try await refused.waitUntilClosed().code == .refused)
        // It was none of those that the context was to admit.
        #expect(context.status == .registered)
        let port = here.connectTo("x")
        #expect(await context.nextConnect() != nil)
        try await port.waitUntilOpen()
    }

    @Test(
        "A reason of screening is cut and cleaned to what D-Bus can carry",
        arguments: [
            ("a\0b", "a\u{fffd}b"), (String(repeating: "é", count: 600), String(repeating: "é", count: 512)), ("", ""),
        ])
    func reasonIsCarriedByDBus(reason: String, expected: String) async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let screening = Screening { _ in .refuse(because: reason) }
        let context = try await there.register("x", options: .init(screening: screening))
        let end = try await here.connectTo("x").waitUntilClosed()
        #expect(end.code == .refused)
        #expect(end.detail == "\"x\" refused the call: \(expected)")
        await context.unregister()
    }
}
