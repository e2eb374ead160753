import ConnectToTestSupport
import ConnectToTesting
import FoundationEssentials
import Glibc
import Testing

@testable import ConnectToPorts

/// Declares one thing of each kind, and an optional, an array and a dictionary of them.
private struct Export: Codable, Sendable {
    var name = "report"
    @Transferred var file: OpenFile
    @Transferred var progress: MessagePort?
    @Transferred var previews: [SharedBuffer] = []
    @Transferred var parts: [String: Transferable] = [:]
}

@Suite("Ports, files and buffers in values", .chosenExecutor, .timeLimit(.minutes(1)))
struct TransferredValueTests {
    @Test("A port, a file and buffers in a value arrive with it, and the sender no longer has them")
    func thingsArriveInTheValue() async throws {
        let (port, peer) = try MessageChannel.makePair()
        let (near, far) = try MessageChannel.makePair()
        let previews = try (1...2).map { try SharedBuffer(copying: [UInt8($0)]) }
        let (file, part) = (try OpenFile(holding: "abc"), try OpenFile(holding: "def"))
        let export = Export(file: file, progress: far, previews: previews, parts: ["one": .file(part)])
        try port.postMessage(.encoding(export))
        #expect(file.isDetached && part.isDetached && far.isDetached && previews.allSatisfy(\.isDetached))

        let received = try #require(try await peer.take()).decode(Export.self)
        #expect(received.name == "report")
        #expect(received.file.contents == "abc")
        #expect(received.parts["one"]?.file?.contents == "def")
        #expect(received.previews.map { $0.withUnsafeBytes { Array($0) } } == [[1], [2]])
        try received.progress?.postMessage("half")
        #expect(try await near.take()?.text == "half")
    }

    @Test("A value's thing is the plain number that it has in the message's list, and no key where there is none")
    func thingIsItsNumber() throws {
        let file = try OpenFile(holding: "")
        let message = try OutgoingMessage.encoding(Export(file: file, previews: [SharedBuffer(count: 1)]))
        struct Numbers: Decodable, Equatable {
            var name: String
            var file: Int
            var previews: [Int]
            var parts: [String: Int]
        }
        let json = message.withUnsafeBytes { Data($0) }
        let numbers = try JSONDecoder().decode(Numbers.self, from: json)
        #expect(numbers == Numbers(name: "report", file: 0, previews: [1], parts: [:]))
        #expect(!String(decoding: json, as: UTF8.self).contains("progress"))
        #expect(message.transfer.map(\.kind) == [.file, .buffer])
        #expect(message.transfer.first?.file === file)
    }

    @Test("What a value has stands in the message's list behind what the program transfers besides")
    func listBeginsWithOtherThings() async throws {
        let (port, peer) = try MessageChannel.makePair()
        let besides = try SharedBuffer(copying: [7])
        try await port.send(
            .encoding(Export(file: OpenFile(holding: "abc")), transfer: [.buffer(besides)]))
        let message = try #require(try await peer.take())
        #expect(message.transferred.map(\.kind) == [.buffer, .file])
        #expect(try message.decode(Export.self).file === message.files.first)
    }

    @Test("An optional thing that is missing or null is nil", arguments: [#"{"other":1}"#, #"{"thing":null}"#])
    func missingThingIsNil(json: String) throws {
        struct Optionally: Codable { @Transferred var thing: OpenFile? }
        #expect(try Message(json).decode(Optionally.self).thing == nil)
    }

    @Test("A thing may stand in an enum's case, or be the whole value")
    func thingStandsAnywhere() throws {
        enum News: Codable {
            case file(Transferred<OpenFile>)
            case text(String)
        }
        let file = try OpenFile(holding: "abc")
        #expect(try OutgoingMessage.encoding(News.file(Transferred(wrappedValue: file))).json == #"{"file":{"_0":0}}"#)
        #expect(try OutgoingMessage.encoding(Transferred(wrappedValue: [file, nil])).json == "[0,null]")
        #expect(try Message("[null,0]", [.file(file)]).decode(Transferred<[OpenFile?]>.self).wrappedValue[1] === file)
    }

    @Test("A thing that stands twice in a value, or also in the message's list, is refused, and nothing is given away")
    func thingTwiceIsRefused() throws {
        let file = try OpenFile(holding: "abc")
        let twice = Export(file: file, parts: ["copy": .file(file)])
        let error = #expect(throws: PortError.self) { try OutgoingMessage.encoding(twice) }
        #expect(error?.code == .notEncodable)
        #expect(
            error?.message
                == "the Export does not encode as JSON: .parts.copy is the same file as .file; it can be transferred only "
                + "once")
        let once = Export(file: file)
        let other = #expect(throws: PortError.self) { try OutgoingMessage.encoding(once, transfer: [.file(file)]) }
        #expect(other?.code == .notEncodable)
        #expect(other?.message.contains(".file is a file that the message's transfer has already") == true)
        #expect(!file.isDetached)
    }

    @Test("A value whose post throws keeps its things, and another port can take it")
    func failedPostKeepsThings() async throws {
        let (port, peer) = try MessageChannel.makePair()
        let closed = try OpenFile(holding: "")
        closed.close()
        var export = Export(file: try OpenFile(holding: "abc"), progress: try MessageChannel().port1)
        export.parts = ["gone": .file(closed)]
        let error = #expect(throws: PortError.self) { try port.postMessage(.encoding(export)) }
        #expect(error?.code == .detached)
        export.parts = [:]
        let (finished, _) = try MessageChannel.makePair()
        finished.finish()
        await #expect(throws: PortError.self) { try await finished.send(.encoding(export)) }
        #expect(!export.file.isDetached && export.progress?.isDetached == false)
        try port.postMessage(.encoding(export))
        #expect(try await peer.take()?.decode(Export.self).file.contents == "abc")
    }

    @Test("A batch, many ports and a key refuse a value with things, which stay with the program")
    func postsToManyRefuseThings() throws {
        let (port, _) = try MessageChannel.makePair()
        let export = Export(file: try OpenFile(holding: "abc"))
        var batch = MessageBatch()
        for post in [
            { try batch.append(.encoding(export)) }, { _ = try [port].postMessage(.encoding(export)) },
            { try port.postMessage(.encoding(export), replacing: "key") },
        ] {
            let error = #expect(throws: PortError.self) { try post() }
            #expect(error?.code == .notTransferable)
        }
        #expect(batch.isEmpty && !export.file.isDetached)
    }

    // MARK: What a peer may send

    private struct Pair: Decodable {
        @Transferred var file: OpenFile
        @Transferred var copy: OpenFile?
        @Transferred var any: Transferable?
    }

    @Test(
        "A number that no thing of the message has, that has another kind, or that stands twice does not decode",
        arguments: [
            (#"{"file":2}"#, ".file has the number 2, and the things that came with the message have 0 to 1"),
            (#"{"file":-1}"#, ".file has the number -1, and the things that came with the message have 0 to 1"),
            (#"{"file":1}"#, ".file has the number 1, which is a buffer, not a file"),
            (
                #"{"file":0,"copy":0}"#,
                ".copy has the number 0, which .file has too; each thing can have only one place"
            ),
            (#"{"file":0,"any":0}"#, ".any has the number 0, which .file has too; each thing can have only one place"),
            (#"{"file":"0"}"#, ".file is not the number of a thing that came with the message: a whole number, from 0"),
            (#"{"file":0.5}"#, ".file is not the number of a thing that came with the message: a whole number, from 0"),
            (
                #"{"file":1e99}"#,
                ".file is not the number of a thing that came with the message: a whole number, from 0"
            ),
            (
                #"{"file":null}"#,
                ".file is not the number of a thing that came with the message: a whole number, from 0"
            ),
            (#"{}"#, ".file is missing"),
        ])
    func wrongNumberDoesNotDecode(json: String, fault: String) throws {
        let message = try Message(json, [.file(OpenFile(holding: "abc")), .buffer(SharedBuffer(count: 1))])
        let error = #expect(throws: PortError.self) { try message.decode(Pair.self) }
        #expect(error?.code == .notDecodable)
        #expect(error?.message == "the message does not decode as Pair: \(fault)")
        #expect(message.transferred.allSatisfy { !$0.isDetached })
    }

    @Test("A number in a message that nothing came with does not decode, and the port lives on")
    func numberOfNothingDoesNotDecode() async throws {
        let (port, peer) = try MessageChannel.makePair()
        try port.postMessage(.json(#"{"file":0}"#))
        let message = try #require(try await peer.take())
        let error = #expect(throws: PortError.self) { try message.decode(Pair.self) }
        #expect(error?.code == .notDecodable)
        #expect(error?.message.contains(".file has the number 0, and no things came with the message") == true)
        try peer.postMessage("still here")
        #expect(try await port.take()?.text == "still here")
    }

    @Test("Keys that only look alike are two places")
    func keysThatLookAlike() throws {
        struct Deep: Decodable {
            struct Inner: Decodable { @Transferred var b: OpenFile }
            enum CodingKeys: String, CodingKey {
                case file = "a.b"
                case inner = "a"
            }
            @Transferred var file: OpenFile
            var inner: Inner
        }
        let message = try Message(#"{"a.b":0,"a":{"b":0}}"#, [.file(OpenFile(holding: ""))])
        #expect(throws: PortError.self) { try message.decode(Deep.self) }
    }

    @Test("A type that tries one form after the other finds the same thing again")
    func anotherTryFindsTheThing() throws {
        enum Form: Decodable {
            case named(OpenFile, String)
            case plain(OpenFile)
            enum CodingKeys: CodingKey { case file, name }
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                func file() throws -> OpenFile {
                    try container.decode(Transferred<OpenFile>.self, forKey: .file).wrappedValue
                }
                do {
                    self = .named(try file(), try container.decode(String.self, forKey: .name))
                } catch {
                    self = .plain(try file())
                }
            }
        }
        let message = try Message(#"{"file":0}"#, [.file(OpenFile(holding: "abc"))])
        guard case .plain(let file) = try message.decode(Form.self) else { return #expect(Bool(false)) }
        #expect(file.contents == "abc")
    }

    // MARK: Who has a thing

    @Test("Values that are decoded from one message share its things")
    func valuesOfOneMessageShareThings() throws {
        let message = try Message(#"{"file":0}"#, [.file(OpenFile(holding: "abc"))])
        let (first, second) = (try message.decode(Pair.self), try message.decode(Pair.self))
        #expect(first.file === second.file)
        first.file.close()
        #expect(second.file.isDetached && message.files[0].isDetached)
    }

    @Test("What a value does not name stays with the message, and is closed with it")
    func unnamedThingIsClosedWithMessage() async throws {
        let (port, peer) = try MessageChannel.makePair()
        let (near, far) = try MessageChannel.makePair()
        try port.postMessage(.json(#"{"file":0}"#, transfer: [.file(OpenFile(holding: "abc")), .port(far)]))
        var message = try await peer.take()
        let pair = try #require(message).decode(Pair.self)
        #expect(message?.ports.count == 1)
        near.start()
        message = nil
        #expect(try await near.waitUntilClosed().code == .closed)
        #expect(pair.file.contents == "abc")
    }

    @Test("A message that is forwarded brings the value's things to the next receiver")
    func forwardedValueKeepsThings() async throws {
        let (port, middle) = try MessageChannel.makePair()
        let (next, last) = try MessageChannel.makePair()
        try port.postMessage(.encoding(Export(file: OpenFile(holding: "abc"))))
        try next.postMessage(.forwarding(try #require(try await middle.take())))
        #expect(try await last.take()?.decode(Export.self).file.contents == "abc")
    }

    @Test("A thousand values that arrive or are refused leave no descriptor behind")
    func valuesLeaveNoDescriptor() async throws {
        try await expectNoDescriptorLeak {
            let (port, peer) = try MessageChannel.makePair()
            for _ in 0..<500 {
                try port.postMessage(.encoding(Export(file: OpenFile(holding: "abc"))))
                #expect(try await peer.take()?.decode(Export.self).name == "report")
                try port.postMessage(.json(#"{"file":1}"#, transfer: [.file(OpenFile(holding: "abc"))]))
                await #expect(throws: PortError.self) { _ = try await peer.take()?.decode(Pair.self) }
            }
        }
    }

    // MARK: Coders of the program's own

    @Test("Coders of the program's own transfer things too, in a message of any kind")
    func ownCodersTransfer() async throws {
        let (port, peer) = try MessageChannel.makePair()
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = .sortedKeys
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        struct Report: Codable { @Transferred var longList: OpenFile }
        let besides = try Transferable.buffer(SharedBuffer(count: 1))
        let report = Report(longList: try OpenFile(holding: "abc"))
        try port.postMessage(.encoding(as: .bytes, transfer: [besides]) { try encoder.encode(report) })
        let message = try #require(try await peer.take())
        #expect(message.kind == .bytes)
        #expect(message.bytes == Array(#"{"long_list":1}"#.utf8))
        let received = try message.decode { try decoder.decode(Report.self, from: Data($0)) }
        #expect(received.longList.contents == "abc")
        #expect(try OutgoingMessage.encoding { try encoder.encode(["a": 1]) }.kind == .json)
    }

    @Test("Coders of the program's own throw what they throw, and where a thing stands that cannot go along")
    func ownCodersThrowTheirErrors() throws {
        struct Unable: Error {}
        #expect(throws: Unable.self) { try OutgoingMessage.encoding { () throws(Unable) -> [UInt8] in throw Unable() } }
        #expect(throws: Unable.self) { try Message("{}").decode { _ throws(Unable) in throw Unable() } }
        let file = try OpenFile(holding: "abc")
        let twice = Export(file: file, parts: ["copy": .file(file)])
        let error = #expect(throws: EncodingError.self) {
            try OutgoingMessage.encoding { try JSONEncoder().encode(twice) }
        }
        #expect("\(try #require(error))".contains(".parts.copy is the same file as .file"))
    }

    @Test("A value that is encoded while another is being encoded has a list of its own")
    func nestedMessagesHaveTheirOwnLists() throws {
        struct Outer: Encodable {
            @Transferred var file: OpenFile
            var inner: Export
            func encode(to encoder: any Encoder) throws {
                let message = try OutgoingMessage.encoding(inner)
                #expect(message.transfer.count == 1)
                var container = encoder.unkeyedContainer()
                try container.encode(message.json)
                try container.encode(_file)
            }
        }
        let outer = Outer(file: try OpenFile(holding: ""), inner: Export(file: try OpenFile(holding: "")))
        let message = try OutgoingMessage.encoding(outer)
        #expect(message.transfer.count == 1 && message.transfer.first?.file === outer.file)
    }

    @Test("Without a message, a value with things is neither encoded nor decoded, and the error says what to call")
    func valueNeedsMessage() async throws {
        let export = Export(file: try OpenFile(holding: "abc"))
        let encoding = #expect(throws: EncodingError.self) { try JSONEncoder().encode(export) }
        #expect("\(try #require(encoding))".contains("OutgoingMessage.encoding(value)"))
        let decoding = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(Pair.self, from: Data(#"{"file":0}"#.utf8))
        }
        #expect("\(try #require(decoding))".contains(".file is a file, which comes only with a message"))
        // A task that an encoder has started goes on when the message is complete.
        let late = Mailbox<Task<Data, any Error>>()
        let (gate, opening) = AsyncStream.makeStream(of: Void.self)
        _ = OutgoingMessage.encoding { () throws(Never) -> [UInt8] in
            late.content = Task {
                for await _ in gate {}
                return try JSONEncoder().encode(export)
            }
            return []
        }
        opening.finish()
        await #expect(throws: EncodingError.self) { try await late.content?.value }
    }
}

private final class Mailbox<Content> {
    var content: Content?
}

extension OpenFile {
    /// The reading end of a pipe that has these bytes, and then its end.
    fileprivate convenience init(holding text: String) throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        #expect(write(ends[1], text, text.utf8.count) == text.utf8.count)
        Glibc.close(ends[1])
        self.init(adopting: ends[0])
    }

    /// What is left to be read; nil where the file is not here.
    fileprivate var contents: String? {
        withFileDescriptor { descriptor in
            var bytes = [UInt8](repeating: 0, count: 100)
            let count = read(descriptor, &bytes, bytes.count)
            return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        }
    }
}

extension OutgoingMessage {
    fileprivate var json: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}

extension Message {
    /// A message of JSON as it arrives.
    fileprivate init(_ json: String, _ transferred: [Transferable] = []) throws {
        let chunk = try Chunk(capacity: json.utf8.count)
        chunk.memory.copyBytes(from: json.utf8)
        self.init(.json, Payload(chunk, 0..<json.utf8.count), transferred: transferred)
    }
}
