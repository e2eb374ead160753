#if LZ4
    import ConnectToTestSupport
    import ConnectTo
    import Synchronization
    import Testing

    @testable import ConnectToMessaging

    /// `make test-lz4` runs these.
    @Suite("Lines with compression", .timeLimit(.minutes(1)))
    struct CompressionTests {
        private static let echo = Request<[UInt8], [UInt8]>("echo")
        private static let list = Request<[String], [String]>("list")
        private static let news = Event<String>("news")
        private static let parts = StreamRequest<NoPayload, String>("parts")
        private static let text = String(repeating: "All is well. ", count: 1_000)

        @Test(
            "Payloads arrive as they were in requests, answers, events, elements and failures, and are shorter on the way"
        )
        func everyOperation() async throws {
            let line = try WatchedLine(left: .compressing, right: .compressing)
            let (caller, callee) = (line.left, line.right)
            let heard = AsyncStream.makeStream(of: String.self)
            callee.on(Self.list) { list, _ in list + ["größer"] }
            callee.on(Self.parts) { _, answers, _ in for _ in 0..<2 { try await answers.yield(Self.text) } }
            callee.on(Self.news) { text, _ in _ = heard.continuation.yield(text) }
            callee.onRequest("fail") { _, _ in throw CallFailure(.refused, "no", details: .text(Self.text)) }
            // Each side uses the feature once it has the other's hello.
            try await caller.barrier()
            try await callee.barrier()
            let query = [String](repeating: "an item that repeats", count: 1_000)
            #expect(try await caller.request(Self.list, query) == query + ["größer"])
            try caller.post(Self.news, Self.text)
            var texts = heard.stream.makeAsyncIterator()
            #expect(await texts.next() == Self.text)
            var count = 0
            for try await part in try caller.stream(Self.parts, NoPayload()) {
                #expect(part == Self.text)
                count += 1
            }
            #expect(count == 2)
            let failure = await expectError(.refused) { try await caller.request("fail", .text(Self.text)) }
            #expect(failure?.details?.text == Self.text)
            let long = line.messages.filter { $0.payloadKind != nil }
            #expect(long.count == 7)
            #expect(long.allSatisfy { $0.isCompressed })
            #expect(line.longest < 2_000)
        }

        @Test("A line to a program without the feature carries payloads as they are")
        func oneSideAlone() async throws {
            for (left, right) in [
                (MessengerOptions.compressing, MessengerOptions()), (MessengerOptions(), .compressing),
            ] {
                let line = try WatchedLine(left: left, right: right)
                line.right.on(Self.list) { list, _ in list }
                try await line.left.barrier()
                try await line.right.barrier()
                let query = [String](repeating: "an item that repeats", count: 1_000)
                #expect(try await line.left.request(Self.list, query) == query)
                #expect(line.messages.allSatisfy { !$0.isCompressed })
            }
        }

        @Test("A first request is sent before the other side's hello has come, and so it is not compressed")
        func firstRequest() async throws {
            let (a, b) = try MessageChannel.makePair()
            let messenger = Messenger(a, options: .compressing)
            try messenger.post(Self.news, Self.text)
            var messages = b.messages.makeAsyncIterator()
            let hello = try #require(try await messages.next().flatMap { CallMessage($0) })
            #expect(hello.operation == .hello && hello.description.hasSuffix(", lz4"))
            let event = try #require(try await messages.next().flatMap { CallMessage($0) })
            #expect(event.operation == .event && !event.isCompressed)
        }

        @Test("Short payloads, and those that compression does not make shorter, are sent as they are")
        func notWorthIt() async throws {
            let line = try WatchedLine(left: .compressing, right: .compressing)
            line.right.on(Self.echo) { bytes, _ in bytes }
            try await line.left.barrier()
            try await line.right.barrier()
            let short = [UInt8](repeating: 1, count: 4_095)
            #expect(try await line.left.request(Self.echo, short) == short)
            var generator = SystemRandomNumberGenerator()
            let random = (0..<50_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(try await line.left.request(Self.echo, random) == random)
            #expect(line.messages.allSatisfy { !$0.isCompressed })
        }

        @Test("A compressed event takes as much of the window as what it expands to, and all of it is given back")
        func windowCountsWhatIsHeld() async throws {
            var options = MessengerOptions.compressing
            options.window = 1 << 20
            let line = try WatchedLine(left: .compressing, right: options)
            let gate = Gate()
            line.right.on(Self.news) { _, _ in await gate.wait() }
            try await line.left.barrier()
            let zeros = String(repeating: "0", count: 600_000)
            // Two fit, the second beyond the window; a third waits, though all are but a few KiB on the line.
            for _ in 0..<3 { try line.left.post(Self.news, zeros) }
            // A request would wait behind the third, so what the other side sends tells that the two have come.
            try await line.right.barrier()
            #expect(line.messages.count { $0.operation == .event } == 2)
            await gate.open()
            try await line.left.barrier()
            #expect(line.messages.count { $0.operation == .event } == 3)
            for _ in 0..<20 { try await line.left.send(Self.news, zeros) }
        }

        @Test(
            "A peer whose compressed body breaks a rule ends its line",
            arguments: [
                (
                    "without the feature", false,
                    [65, 0, 0, 0, 0x1F, 0x61, 1, 0, 40, 0x50, 0x61, 0x61, 0x61, 0x61, 0x61]
                ),
                ("of no length", true, [UInt8]()),
                ("that is too long", true, [0xFF, 0xFF, 0xFF, 0xFF, 0x10, 0x61]),
                ("that ends too early", true, [65, 0, 0, 0, 0x1F, 0x61, 1, 0, 40, 0x50, 0x61]),
            ])
        func brokenRules(rule: String, hasFeature: Bool, body: [UInt8]) async throws {
            let (a, b) = try MessageChannel.makePair()
            let messenger = Messenger(a, options: .compressing)
            try b.postMessage(
                Envelope(
                    operation: .hello(Hello(places: 1, window: 65_536, features: hasFeature ? ["lz4"] : []))
                ).encoded())
            let event = Envelope(operation: .event(type: "news"), body: .bytes, isCompressed: true)
            try b.postMessage(body.withUnsafeBytes { event.encoded(body: $0) })
            let reason = try await messenger.waitUntilClosed()
            #expect(reason.code == .protocolError)
            #expect(
                reason.detail.contains("a compressed body") || reason.detail.contains("a body that expands"),
                "\(rule): \(reason)")
        }

        @Test("The limit of the port's messages holds for what a body expands to")
        func limitOfThePort() async throws {
            var limits = PortLimits()
            limits.messageLength = 100_000
            let channel = try MessageChannel(limits: limits)
            let messenger = Messenger(channel.port1, options: .compressing)
            let hello = Envelope(operation: .hello(Hello(places: 64, window: 1 << 20, features: ["lz4"])))
            try channel.port2.postMessage(hello.encoded())
            func event(_ length: Int) throws -> [UInt8] {
                let body = [UInt8](repeating: 7, count: length)
                let block = try #require(body.withUnsafeBytes(LZ4Block.compress))
                let envelope = Envelope(operation: .event(type: "news"), body: .bytes, isCompressed: true)
                return block.withUnsafeBytes { envelope.encoded(body: $0) }
            }
            let lengths = AsyncStream.makeStream(of: Int.self)
            messenger.onEvent("news") { payload, _ in _ = lengths.continuation.yield(payload.count) }
            // 20 bytes are the envelope's.
            try channel.port2.postMessage(try event(99_980))
            var arrived = lengths.stream.makeAsyncIterator()
            #expect(await arrived.next() == 99_980)
            try channel.port2.postMessage(try event(99_981))
            #expect(try await messenger.waitUntilClosed().code == .protocolError)
        }

        @Test("An event that waited on a line which was handed to a program without the feature is expanded")
        func handedOver() throws {
            let (a, _) = try MessageChannel.makePair()
            let messenger = Messenger(a, options: .compressing)
            let body = [UInt8](repeating: 7, count: 10_000)
            let block = try #require(body.withUnsafeBytes(LZ4Block.compress))
            let event = Head(.event, name: "news")
            let compressed = event.message(.bytes(body), compressed: block)
            let plain = event.message(.bytes(body))
            // No hello has come, so the feature is not in force.
            let sent = messenger.line.withState { $0.usable(compressed, on: messenger.line) }
            #expect(compressed.count < 200)
            #expect(sent.withUnsafeBytes { [UInt8]($0) } == plain.withUnsafeBytes { [UInt8]($0) })
        }
    }

    extension MessengerOptions {
        fileprivate static var compressing: MessengerOptions {
            var options = MessengerOptions()
            options.compression = Compression()
            return options
        }
    }

    /// Two messengers, and between them a program that passes on all messages and keeps what they say.
    private final class WatchedLine: Sendable {
        let left: Messenger
        let right: Messenger
        private let kept: Kept

        private final class Kept: Sendable {
            private let state = Mutex<(messages: [CallMessage], longest: Int)>(([], 0))

            var messages: [CallMessage] { state.withLock(\.messages) }
            var longest: Int { state.withLock(\.longest) }

            func keep(_ message: Message) {
                guard let call = CallMessage(message) else { return }
                state.withLock { state in
                    state.messages.append(call)
                    state.longest = max(state.longest, message.count)
                }
            }
        }

        init(left: MessengerOptions, right: MessengerOptions) throws {
            let (a, b) = try MessageChannel.makePair()
            let (c, d) = try MessageChannel.makePair()
            let kept = Kept()
            self.kept = kept
            for (from, to) in [(b, c), (c, b)] {
                from.onClose { _ in to.close() }
                from.onMessage { message in
                    kept.keep(message)
                    _ = try? to.postMessage(.forwarding(message))
                }
            }
            self.left = Messenger(a, options: left)
            self.right = Messenger(d, options: right)
        }

        var messages: [CallMessage] { kept.messages }
        /// The length of the longest message, in bytes.
        var longest: Int { kept.longest }
    }
#endif
