import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import Testing

/// A messenger against a peer on a plain port: `dbus/CALLS.md`, section 12.
@Suite("Messengers and peers that lie", .timeLimit(.minutes(1)))
struct LyingPeerTests {
    @Test("A peer that breaks a rule ends its own line, with a reason that names the rule", arguments: BrokenRule.all)
    func brokenRule(rule: BrokenRule) async throws {
        let line = try LineToLiar()
        let asking = line.ask(rule.asking)
        if asking != nil { try await line.next(2) }
        for message in try rule.messages() { try line.liar.postMessage(message) }
        // The liar sees no close frame: the line was not ended in order.
        #expect(try await line.liar.waitUntilClosed().code == .peerExited)
        let reason = try #require(line.messenger.closeReason)
        #expect(reason.code == .protocolError)
        #expect(reason.description.contains(rule.reason))
        await line.over.open()
        await asking?.value
        try await line.expectUnharmed()
    }

    @Test("A message that is cut before its body ends the line, wherever it is cut", arguments: 0..<25)
    func cut(count: Int) async throws {
        let line = try LineToLiar()
        let request = RawEnvelope.request(1, "a question")
        let failure = RawEnvelope.failure(1)
        #expect(request.bytes.count > 25 && failure.bytes.count == 22)
        let task = Task { try await line.messenger.request("question") }
        try await line.next(2)
        try line.post(.hello())
        try line.liar.postMessage(.bytes((count < 22 ? failure : request).bytes.prefix(count)))
        #expect(try await line.liar.waitUntilClosed().code == .peerExited)
        #expect(line.messenger.closeReason?.code == .protocolError)
        await expectError(.lineEnded) { _ = try await task.value }
        try await line.expectUnharmed()
    }

    @Test("A request of a type of 255 bytes is answered, and what stands behind a longer one is its body")
    func longTypes() async throws {
        let line = try LineToLiar()
        try line.post(.hello())
        try line.post(.request(1, String(repeating: "t", count: 255)))
        #expect(try await line.next(5, id: 1).count > 255)
        try line.post(.request(2, "echo", body: [UInt8](repeating: 0x74, count: 65_000)))
        #expect(try await line.next(4, id: 2).count == 16 + 65_000)
        #expect(line.messenger.closeReason == nil)
    }

    @Test("JSON that is nested 10,000 deep is an invalid payload, whatever its type, and the line lives on")
    func deepJSON() async throws {
        let line = try LineToLiar { handlers in
            handlers.on(Request<Nested, NoPayload>("nested")) { _, _ in NoPayload() }
            handlers.on(Request<[String: Int], NoPayload>("flat")) { _, _ in NoPayload() }
        }
        try line.post(.hello())
        let deep =
            [UInt8](repeating: UInt8(ascii: "["), count: 10_000) + [UInt8](repeating: UInt8(ascii: "]"), count: 10_000)
        for (id, type) in [(1, "nested"), (2, "flat")] as [(UInt64, String)] {
            try line.post(.request(id, type, body: deep).with { $0.body = 3 })
            #expect(String(decoding: try await line.next(5, id: id), as: UTF8.self).contains("invalid-payload"))
        }
        // The same as an answer.
        let task = Task { try await line.messenger.request(Request<NoPayload, Nested>("question")) }
        try await line.next(2)
        try line.post(.result(1).with { $0.rest = deep })
        await expectError(.invalidPayload) { try await task.value }
        #expect(line.messenger.closeReason == nil)
    }

    @Test("A peer that never says hello gets one request; all others end at their deadline without having been sent")
    func noHello() async throws {
        let line = try LineToLiar()
        let stages = await withTaskGroup(of: CallError.Stage?.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    await expectError(.timedOut) {
                        try await line.messenger.request("question", within: .milliseconds(100))
                    }?.stage
                }
            }
            return await group.reduce(into: [CallError.Stage?]()) { $0.append($1) }
        }
        #expect(stages.count { $0 == .sent } == 1)
        #expect(stages.count { $0 == .waiting } == 2)
        #expect(line.messenger.closeReason == nil)
    }

    @Test("A peer that finishes ends the line as one that closes it does: it will not answer either")
    func finish() async throws {
        let line = try LineToLiar()
        let task = Task { try await line.messenger.request("question") }
        try await line.next(2)
        try line.post(.hello())
        line.liar.finish()
        let error = await expectError(.lineEnded) { _ = try await task.value }
        #expect(error?.reason?.code == .closed)
        #expect(try await line.liar.waitUntilClosed().code == .closed)
    }

    @Test("Cancels and grants for what has been answered, and for an id that was left out, are ignored")
    func late() async throws {
        let line = try LineToLiar()
        try line.post(.hello())
        try line.post(.request(5))
        try await line.next(4, id: 5)
        for id in [3, 5] as [UInt64] {
            try line.post(.cancel(id))
            try line.post(.grant(3, 1, of: id))
        }
        try line.post(.request(6))
        try await line.next(4, id: 6)
        #expect(line.messenger.closeReason == nil)
    }
}

private struct Nested: Codable, Sendable {
    var inner: [Nested]

    init(from decoder: any Decoder) throws {
        inner = try decoder.singleValueContainer().decode([Nested].self)
    }
}
