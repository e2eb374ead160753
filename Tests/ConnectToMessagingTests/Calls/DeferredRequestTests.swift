import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import ConnectToTestSupport
import Testing

@Suite("Requests whose line is chosen later", .timeLimit(.minutes(1)))
struct DeferredRequestTests {
    /// What becomes of a request, one after the other.
    private struct Changes {
        let changes: AsyncStream<DeferredRequest.Change>
        let sink: AsyncStream<DeferredRequest.Change>.Continuation

        init() {
            (changes, sink) = AsyncStream.makeStream()
        }

        var next: DeferredRequest.Change? {
            get async {
                var iterator = changes.makeAsyncIterator()
                return await iterator.next()
            }
        }
    }

    @Test("A request that waits for its line is answered once it has been sent")
    func answered() async throws {
        let (caller, callee) = try makeMessengers()
        let heard = Lock(0)
        callee.on(Sample.shout) { text, _ in
            heard.withLock { $0 += 1 }
            return text.uppercased()
        }
        let changes = Changes()
        let request = try DeferredRequest("shout", .text("late")) { [sink = changes.sink] in sink.yield($0) }
        async let answer = request.answer()
        #expect(request.send(on: caller))
        #expect(request.send(on: caller))
        #expect(try await answer.text == "LATE")
        #expect(await changes.next == .done)
        #expect(request.send(on: caller))
        try await caller.barrier()
        #expect(heard.withLock(\.self) == 1, "it is sent once")
    }

    @Test("A request to a line that is over is not sent, and can be sent on another")
    func otherLine() async throws {
        let (gone, _) = try makeMessengers()
        gone.close()
        let (caller, callee) = try makeMessengers()
        callee.on(Sample.shout) { text, _ in text.uppercased() }
        let request = try DeferredRequest("shout", .text("again"))
        #expect(!request.send(on: gone))
        #expect(request.send(on: caller))
        #expect(try await request.answer().text == "AGAIN")
    }

    @Test("What sends a request learns when the other program is done with one that was given up")
    func givenUp() async throws {
        let (caller, callee) = try makeMessengers()
        let (started, cancelled, gate) = (Gate(), Gate(), Gate())
        callee.on(Sample.wait) { _, _ in
            await started.open()
            await withTaskCancellationHandler {
                await gate.wait()
            } onCancel: {
                Task { await cancelled.open() }
            }
            return NoPayload()
        }
        let changes = Changes()
        let request = try DeferredRequest("wait") { [sink = changes.sink] in sink.yield($0) }
        request.send(on: caller)
        await started.wait()
        request.giveUp(CallError(.refused, "enough"))
        await expectError(.refused) { try await request.answer() }
        #expect(await changes.next == .givenUp)
        await cancelled.wait()
        await gate.open()
        #expect(await changes.next == .done)
    }

    @Test("A request that is over its time is given up, and done when the line ends")
    func deadlineAndEnd() async throws {
        let (caller, callee) = try makeMessengers()
        let gate = Gate()
        callee.on(Sample.wait) { _, _ in
            await gate.wait()
            return NoPayload()
        }
        let changes = Changes()
        let request = try DeferredRequest("wait") { [sink = changes.sink] in sink.yield($0) }
        request.send(on: caller, within: .milliseconds(50))
        await expectError(.timedOut) { try await request.answer() }
        #expect(await changes.next == .givenUp)
        caller.close()
        #expect(await changes.next == .done)
        await gate.open()
    }

    @Test("A request that is given up before it is sent is never sent")
    func givenUpBefore() async throws {
        let (caller, callee) = try makeMessengers()
        let heard = Gate()
        callee.on(Sample.shout) { text, _ in
            await heard.open()
            return text
        }
        let changes = Changes()
        let request = try DeferredRequest("shout", .text("x")) { [sink = changes.sink] in sink.yield($0) }
        request.giveUp(CallError(.cancelled, "no"))
        #expect(await changes.next == .done)
        #expect(request.send(on: caller))
        try await caller.barrier()
        #expect(await !heard.isOpen)
        await expectError(.cancelled) { try await request.answer() }
    }

    @Test("A stream that waits for its line gives all its answers, however many")
    func stream() async throws {
        let (caller, callee) = try makeMessengers()
        callee.on(Sample.count) { limit, answers, _ in
            for number in 0..<limit { try await answers.yield(number) }
        }
        let request = try DeferredRequest("count", .encoding(100), wantsMany: true)
        async let numbers: [Int] = {
            var numbers: [Int] = []
            while let payload = try await request.next() { numbers.append(try payload.decode()) }
            return numbers
        }()
        request.send(on: caller)
        #expect(try await numbers == Array(0..<100))
        #expect(try await request.next() == nil)
    }
}
