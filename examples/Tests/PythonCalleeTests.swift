import ConnectTo
import ConnectToMessaging
import ConnectToTesting
import Testing

@Suite(
    "A peer of calls in Python that is asked", .privateBus, .timeLimit(.minutes(1)),
    .enabled("There is no python3-gi for /usr/bin/python3: make setup installs it") {
        await Example.hasPython()
    })
struct PythonCalleeTests {
    @Test("A Python handler gives bytes, text, JSON, nothing and files back as they came")
    func payloads() async throws {
        try await withPythonCallee { calls, _ in
            #expect(try await calls.request("echo", .bytes([0, 255])).bytes == [0, 255])
            #expect(try await calls.request("echo", .text("größer")).text == "größer")
            #expect(try await calls.request("echo", .json("{\"n\": 1}")).decode([String: Int].self) == ["n": 1])
            #expect(try await calls.request("echo").kind == nil)
            #expect(try await calls.request("echo", .text("")).kind == .text)
            let large = [UInt8](repeating: 7, count: 3 << 20)
            #expect(try await calls.request("echo", .bytes(large)).bytes == large)
            let gift = OutgoingMessage.text("a file", transfer: [.file(try openFile(file("from Swift\n")))])
            #expect(
                try await calls.request("echo", gift).transferred.compactMap(\.file).map(contents) == ["from Swift\n"])
        }
    }

    @Test("A hundred requests to a Python peer with sixteen places are all answered, also where it asks back")
    func places() async throws {
        var options = MessengerOptions()
        options.places = 1
        try await withPythonCallee(options: options) { calls, _ in
            calls.onRequest("echo") { payload, _ in .text("\(payload.text ?? "nothing"), says the caller") }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        let answer = try await calls.request("ask-back", .text("\(number)"), within: .seconds(30))
                        #expect(answer.text == "\(number), says the caller")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("A Python stream gives its elements in order, waits for its reader, and ends when the reader leaves")
    func streams() async throws {
        let count = StreamRequest<Int, Int>("count")
        try await withPythonCallee { calls, _ in
            var numbers: [Int] = []
            for try await number in try calls.stream(count, 100) { numbers.append(number) }
            #expect(numbers == Array(1...100))
            // Each holds a place until its handler has ended.
            for _ in 0..<20 {
                for try await number in try calls.stream(count, 1_000_000_000) where number == 20 { break }
            }
            try await calls.barrier()
        }
    }

    @Test("A Python peer's failures arrive with code, text and details")
    func failures() async throws {
        try await withPythonCallee { calls, _ in
            let failure = await #expect(throws: CallError.self) { try await calls.request("fail", .json("3")) }
            #expect(failure?.code.rawValue == "com.example.no-disk")
            #expect(failure?.message == "there is no disk")
            let details = try #require(failure?.details)
            #expect(try details.decode([String: Int].self) == ["disk": 3])
            for (type, payload, code) in [
                ("unknown", .text(""), .unknownType), ("count", .json("1"), .manyAnswers),
                ("count", .json("{"), .invalidPayload), ("count", .json("\"a\""), .handlerFailed),
                ("fail", .json(String(repeating: "[", count: 10_000)), .invalidPayload),
            ] as [(String, OutgoingMessage, CallError.Code)] {
                let isStream = code != .manyAnswers
                let failure = await #expect(throws: CallError.self) {
                    if isStream { for try await _ in try calls.stream(type, payload) {} }
                    if !isStream { _ = try await calls.request(type, payload) }
                }
                #expect(failure?.code == code)
            }
        }
    }

    @Test("A Python handler is cancelled when its caller gives up, and when its caller's time is over")
    func cancel() async throws {
        try await withPythonCallee { calls, python in
            let task = Task { try await calls.request("wait", within: nil) }
            try await calls.send(Event<String>("note"), "a barrier that can be seen")
            #expect(await python.line() == "a barrier that can be seen")
            task.cancel()
            #expect(await python.line() == "no longer waiting")
            let failure = await #expect(throws: CallError.self) {
                try await calls.request("wait", within: .milliseconds(200))
            }
            #expect(failure?.code == .timedOut)
            #expect(await python.line() == "no longer waiting")
        }
    }

    @Test("A Python peer hears events in order, many times its window of them")
    func events() async throws {
        try await withPythonCallee { calls, python in
            // White space is part of JSON, and printed with no number.
            let filling = String(repeating: " ", count: 10_000)
            for number in 0..<300 { try calls.post("note", .json("\(number)\(filling)")) }
            for number in 0..<300 { #expect(await python.line() == "\(number)") }
            try await calls.barrier()
        }
    }

    @Test("A Python handler is cancelled when the line ends, and the name still answers others")
    func endOfTheLine() async throws {
        try await withPythonCallee { calls, python in
            let task = Task { try await calls.request("wait") }
            try await calls.barrier()
            calls.close()
            #expect(await python.line() == "no longer waiting")
            await #expect(throws: CallError.self) { try await task.value }
            let another = try await Bus.at(PrivateBus.current.address).messenger(to: "calls")
            #expect(try await another.request("echo", "still here").text == "still here")
        }
    }

    @Test("A Python peer of calls refuses a caller of plain messages, and tells it the format")
    func plainCaller() async throws {
        try await withPythonCallee { _, _ in
            let port = try await Bus.at(PrivateBus.current.address).connectTo("calls")
            let reason = try await port.waitUntilClosed()
            #expect(reason.code == .refused)
            #expect(reason.description.contains("calls"))
        }
    }
}

/// Runs a test with a Python program that answers requests, and a messenger to it.
private func withPythonCallee(
    options: MessengerOptions = MessengerOptions(), body: (Messenger, TalkingProcess) async throws -> Void
) async throws {
    try await withExample(.pythonCalls, "serve", "calls") { python in
        let bus = try await Bus.at(PrivateBus.current.address)
        try await body(try await bus.messenger(to: "calls", messengerOptions: options), python)
    }
}
