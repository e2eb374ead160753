import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import FoundationEssentials
import Glibc
import Testing

private struct Document: Codable, Sendable {
    var name: String
    @Transferred var file: OpenFile
}

/// The reading end of a pipe that has the name in it.
private func makeDocument(_ name: String) throws -> Document {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    #expect(write(ends[1], name, name.utf8.count) == name.utf8.count)
    close(ends[1])
    return Document(name: name, file: OpenFile(adopting: ends[0]))
}

extension Document {
    /// What is left to be read of the file.
    fileprivate var contents: String? {
        file.withFileDescriptor { descriptor in
            var bytes = [UInt8](repeating: 0, count: 100)
            let count = read(descriptor, &bytes, bytes.count)
            return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        }
    }
}

private let open = Request<String, Document>("open")
private let store = Request<Document, String>("store")
private let all = StreamRequest<Int, Document>("all")
private let changed = Event<Document>("changed")

@Suite("Ports, files and buffers in the values of calls", .timeLimit(.minutes(1)))
struct TransferredValueTests {
    @Test("A file in a request's value is open in the handler, and gone from the caller")
    func fileInRequest() async throws {
        let (caller, callee) = try makeMessengers()
        callee.on(store) { document, _ in "\(document.name): \(document.contents ?? "")" }
        let document = try makeDocument("abc")
        #expect(try await caller.request(store, document) == "abc: abc")
        #expect(document.file.isDetached)
    }

    @Test("A file in an answer's value is open in the program that asked")
    func fileInAnswer() async throws {
        let (caller, callee) = try makeMessengers()
        callee.on(open) { name, _ in try makeDocument(name) }
        #expect(try await caller.request(open, "abc").contents == "abc")
    }

    @Test("Each element of a stream brings the file in its value")
    func fileInElements() async throws {
        let (caller, callee) = try makeMessengers()
        callee.on(all) { count, answers, _ in
            for number in 0..<count { try await answers.yield(makeDocument("\(number)")) }
        }
        var contents: [String?] = []
        for try await document in try caller.stream(all, 40) { contents.append(document.contents) }
        #expect(contents == (0..<40).map { "\($0)" })
    }

    @Test("A file in an event's value is open in the handler")
    func fileInEvent() async throws {
        let (caller, callee) = try makeMessengers()
        let (heard, hearing) = AsyncStream.makeStream(of: Document.self)
        callee.on(changed) { document, _ in
            hearing.yield(document)
            hearing.finish()
        }
        callee.onUnknown { _, _, _ in hearing.finish() }
        try caller.post(changed, makeDocument("abc"))
        var contents: [String?] = []
        for await document in heard { contents.append(document.contents) }
        #expect(contents == ["abc"])
    }

    @Test("A question whose numbers do not fit what came with it is an invalid payload, and the line lives on")
    func wrongNumberIsInvalidPayload() async throws {
        let (caller, callee) = try makeMessengers()
        callee.on(store) { document, _ in document.contents ?? "" }
        let error = await expectError(.invalidPayload) {
            try await caller.request(
                "store", .json(#"{"name":"x","file":1}"#, transfer: [.file(makeDocument("abc").file)]))
        }
        #expect(error?.message.contains(".file has the number 1") == true)
        #expect(try await caller.request(store, makeDocument("abc")) == "abc")
    }

    @Test("A request whose value has the same file twice is not sent, and the file stays")
    func fileTwiceIsNotSent() async throws {
        let (caller, _) = try makeMessengers()
        let document = try makeDocument("abc")
        let error = await expectError(.notEncodable) {
            try await caller.request(Request<[Document], String>("store"), [document, document])
        }
        #expect(error?.message.contains("[1].file is the same file as [0].file") == true)
        #expect(!document.file.isDetached)
    }

    @Test("A payload is decoded by a decoder of the program's own, with its files")
    func ownDecoder() async throws {
        let (caller, callee) = try makeMessengers()
        callee.on(open) { name, _ in try makeDocument(name) }
        let payload = try await caller.request("open", .text("abc"))
        let document = try payload.decode { try JSONDecoder().decode(Document.self, from: Data($0)) }
        #expect(document.contents == "abc")
    }

    @Test("Files that a handler's values name or do not name are closed behind it")
    func callsLeaveNoDescriptor() async throws {
        try await expectNoDescriptorLeak {
            let (caller, callee) = try makeMessengers()
            callee.on(store) { document, _ in document.name }
            callee.on(open) { name, _ in try makeDocument(name) }
            for _ in 0..<200 {
                #expect(try await caller.request(store, makeDocument("abc")) == "abc")
                _ = try await caller.request(open, "abc")
                let extra: [Transferable] = try [.file(makeDocument("abc").file), .file(makeDocument("def").file)]
                _ = try await caller.request("store", .json(#"{"name":"abc","file":1}"#, transfer: extra))
            }
        }
    }
}
