import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import Testing

/// Messages that the port does not take, though it goes on: here those with a file that the program has closed.
@Suite("Messages of calls that cannot be sent", .timeLimit(.minutes(1)))
struct UnsendableTests {
    private static let store = Request<[UInt8], NoPayload>("store")
    private static let fetch = Request<NoPayload, [UInt8]>("fetch")

    private func makeMessengers() throws -> (Messenger, Messenger) {
        let (a, b) = try MessageChannel.makePair()
        // Each of the messages below takes a sixteenth of this window.
        var options = MessengerOptions()
        options.window = 65_536
        return (Messenger(a), Messenger(b, options: options))
    }

    private func withClosedFile() throws -> OutgoingMessage {
        let file = try OpenFile(duplicating: 0)
        file.close()
        return .bytes([1], transfer: [.file(file)])
    }

    @Test("A request that cannot be sent fails at once and takes no place and no window, and the line goes on")
    func request() async throws {
        let (caller, callee) = try makeMessengers()
        callee.on(Self.store) { _, _ in NoPayload() }
        for _ in 0..<200 {
            let error = await expectError(.notEncodable) {
                try await caller.request("store", withClosedFile())
            }
            #expect(error?.stage == .waiting)
        }
        _ = try await caller.request(Self.store, [1])
    }

    @Test("An event that cannot be sent throws, and the line goes on")
    func event() async throws {
        let (caller, callee) = try makeMessengers()
        callee.on(Self.store) { _, _ in NoPayload() }
        let message = try withClosedFile()
        // More than the window, if they took any of it.
        for _ in 0..<20 { await expectError(.notEncodable) { try caller.post("store", message) } }
        _ = try await caller.request(Self.store, [1])
    }

    @Test("An answer that cannot be sent is a failure that says why, and gives the place back")
    func answer() async throws {
        let (caller, callee) = try makeMessengers()
        let message = try withClosedFile()
        callee.onRequest("fetch") { _, _ in message }
        for _ in 0..<200 {
            let error = await expectError(.handlerFailed) { try await caller.request("fetch") }
            #expect(error?.message.hasPrefix("the answer cannot be sent: ") == true)
        }
        callee.onRequest("fetch") { _, _ in .bytes([7]) }
        #expect(try await caller.request(Self.fetch) == [7])
    }

    @Test("An element that cannot be sent throws where it is given, and the stream goes on")
    func element() async throws {
        let (caller, callee) = try makeMessengers()
        let message = try withClosedFile()
        callee.onStream("fetch") { _, answers, _ in
            for number in 0..<100 {
                await expectError(.notEncodable) { try await answers.yield(message) }
                try await answers.yield(.bytes([UInt8(number)]))
            }
        }
        var numbers: [UInt8] = []
        for try await payload in try caller.stream("fetch") { numbers += payload.bytes }
        #expect(numbers == Array(0..<100))
    }

    @Test(
        "A failure with a code that no envelope can hold arrives as a handler's failure", arguments: [0, 256, 70_000])
    func code(length: Int) async throws {
        let (caller, callee) = try makeMessengers()
        callee.onRequest("fetch") { _, _ in
            throw CallFailure(CallError.Code(rawValue: String(repeating: "x", count: length)), "it is gone")
        }
        let error = await expectError(.handlerFailed) { try await caller.request("fetch") }
        #expect(error?.message == "it is gone")
    }

    @Test("A failure whose details cannot be sent arrives without them")
    func details() async throws {
        let (caller, callee) = try makeMessengers()
        let message = try withClosedFile()
        let code = CallError.Code(rawValue: "files.gone")
        callee.onRequest("fetch") { _, _ in throw CallFailure(code, "it is gone", details: message) }
        let error = await expectError(code) { try await caller.request("fetch") }
        #expect(error?.message == "it is gone")
        #expect(error?.details == nil)
    }
}
