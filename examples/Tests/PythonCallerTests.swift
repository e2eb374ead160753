import ConnectTo
import ConnectToMessaging
import ConnectToTesting
import Foundation
import Synchronization
import Testing

@Suite(
    "A peer of calls in Python that asks", .privateBus, .timeLimit(.minutes(1)),
    .enabled("There is no python3-gi for /usr/bin/python3: make setup installs it") {
        await Example.hasPython()
    })
struct PythonCallerTests {
    @Test("A Python program prints one answer, many answers, and a failure with its details")
    func command() async throws {
        let gift = try file("from Python\n")
        try await withSwiftCallee { handlers in
            handlers.onRequest("greet") { payload, _ in
                .text(
                    "Welcome, \(payload.text ?? "")!",
                    transfer: payload.transferred.compactMap(\.file).map(Transferable.file))
            }
            handlers.on(StreamRequest<Int, Int>("count")) { limit, answers, _ in
                for number in 1...limit { try await answers.yield(number) }
            }
            handlers.onRequest("fail") { _, _ in
                throw CallFailure(.init(rawValue: "com.example.no"), "not today", details: .json("[1]"))
            }
        } body: {
            let one = try await outcome(of: .pythonCalls, "ask", "calls", "greet", "Ada", gift.path)
            #expect(one.isSuccess)
            #expect(one.output == "Welcome, Ada!\nfrom Python\n")
            let many = try await outcome(of: .pythonCalls, "ask", "--many", "--json", "calls", "count", "40")
            #expect(many.output == (1...40).map { "\($0)\n" }.joined())
            let failure = try await outcome(of: .pythonCalls, "ask", "calls", "fail")
            #expect(!failure.isSuccess)
            #expect(failure.errors == "com.example.no: not today [1]\n")
        }
    }

    @Test("A Python program asks a hundred times at once where one place is offered, and is asked meanwhile")
    func places() async throws {
        var options = MessengerOptions()
        options.places = 1
        try await withSwiftCallee(options: options) { handlers in
            handlers.onRequest("double") { payload, context in
                let messenger = try #require(context.messenger)
                let number = try await messenger.request("number", .text(payload.text ?? ""))
                return try .encoding(2 * number.decode(Int.self))
            }
        } body: {
            let python = try await run(
                """
                async def number(call): return int(call.body.value)
                async with Calls(end, {"number": number}, places=1) as calls:
                    answers = await asyncio.gather(*(calls.request("double", str(n), within=30) for n in range(100)))
                print([answer.value for answer in answers] == list(range(0, 200, 2)))
                """)
            #expect(python == "True\n")
        }
    }

    @Test("A Python program that leaves a stream, gives up, or has no time left cancels the Swift handler")
    func cancel() async throws {
        let ended = Mutex<[String]>([])
        try await withSwiftCallee { handlers in
            handlers.on(StreamRequest<NoPayload, Int>("count")) { _, answers, _ in
                defer { ended.withLock { $0.append("count") } }
                while true { try await answers.yield(1) }
            }
            handlers.onRequest("wait") { _, context in
                #expect((context.remainingTime ?? .seconds(100)) <= .seconds(30))
                try? await Task.sleep(for: .seconds(100))
                ended.withLock { $0.append("wait") }
                return nil
            }
            handlers.onRequest("ended") { _, _ in try .encoding(ended.withLock(\.self)) }
        } body: {
            let python = try await run(
                """
                async with Calls(end, {}) as calls:
                    async with contextlib.aclosing(calls.stream("count")) as answers:
                        taken = 0
                        async for answer in answers:
                            taken += 1
                            if taken == 100: break
                    try: await calls.request("wait", within=0.1)
                    except TimeoutError: print("no time left")
                    task = asyncio.create_task(calls.request("wait", within=30))
                    await asyncio.sleep(0)
                    await calls.barrier()
                    task.cancel()
                    while len((await calls.request("ended")).value) < 3: pass
                """)
            #expect(python == "no time left\n")
        }
        #expect(ended.withLock(\.self) == ["count", "wait", "wait"])
    }

    @Test("A Python program tells many times the window of a Swift program, in order")
    func window() async throws {
        var options = MessengerOptions()
        options.window = 65_536
        let heard = Mutex<[Int]>([])
        try await withSwiftCallee(options: options) { handlers in
            handlers.onEvent("note") { payload, _ in heard.withLock { $0.append(payload.count) } }
        } body: {
            let python = try await run(
                """
                async with Calls(end, {}) as calls:
                    for size in range(10_000, 10_200): await calls.post("note", bytes(size))
                    await calls.post("note", bytes(5 << 20))
                    await calls.barrier(within=10)
                    print("done")
                """)
            #expect(python == "done\n")
        }
        #expect(heard.withLock(\.self) == Array(10_000..<10_200) + [5 << 20])
    }

    @Test("A Python program learns that the line has ended, whatever it waits for")
    func endOfTheLine() async throws {
        try await withSwiftCallee { handlers in
            handlers.onRequest("leave") { _, context in
                context.messenger?.close()
                return nil
            }
        } body: {
            let python = try await run(
                """
                async with Calls(end, {}) as calls:
                    try: await calls.request("leave")
                    except LineEnded as end: print(end)
                """)
            #expect(python == "closed\n")
        }
    }

    @Test("A program that sends text which is not UTF-8, in place of an envelope, sees the end of the line")
    func undecodableText() async throws {
        try await withSwiftCallee { _ in
        } body: {
            let python = try await run(
                """
                line = frames.Line(end)
                line.send(frames.BYTES, calls.Envelope(calls.HELLO, 1, 1, 65536).encode())
                line.send(frames.TEXT, b"\\xff")
                try:
                    while True: line.receive()
                except EOFError: print("end of file")
                """)
            #expect(python == "end of file\n")
        }
    }

    @Test("A Python program is refused where lines carry plain messages, and told so")
    func plainListener() async throws {
        let context = try await Bus.at(PrivateBus.current.address).register("plain")
        let python = try await outcome(of: .pythonCalls, "ask", "plain", "greet")
        #expect(!python.isSuccess)
        #expect(python.errors.contains("messages"))
        await context.unregister()
    }

    /// Runs lines of Python in which `end` is the end of a line to the test's context.
    ///
    /// - Returns: what it has printed.
    private func run(_ program: String) async throws -> String {
        let indented = program.split(separator: "\n").map { "    \($0)\n" }.joined()
        let python = try await outcome(
            of: .python(
                """
                import asyncio, calls, contextlib, frames, peer
                from calls import Calls, LineEnded
                from gi.repository import Gio
                async def main(end):
                \(indented)
                asyncio.run(main(peer.connect(Gio.bus_get_sync(Gio.BusType.SESSION), "calls", "calls")))
                """))
        #expect(python.errors == "")
        return python.output
    }
}

/// Runs a test while a context answers the requests of all callers.
private func withSwiftCallee(
    options: MessengerOptions = MessengerOptions(), handlers: (Handlers) -> Void, body: () async throws -> Void
) async throws {
    let callee = Handlers()
    handlers(callee)
    var terms = ContextOptions()
    terms.format = .calls
    let context = try await Bus.at(PrivateBus.current.address).register("calls", options: terms)
    let serving = Task {
        var messengers: [Messenger] = []
        for try await event in context.connectEvents {
            messengers.append(Messenger(event.source, peer: event.peer, handlers: callee, options: options))
        }
    }
    try await body()
    serving.cancel()
    await context.unregister()
}
