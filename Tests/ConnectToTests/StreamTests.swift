import ConnectToDBus
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Foundation
import Glibc
import Testing

@testable import ConnectTo

@Suite("Streams of bytes to a context", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct StreamTests {
    /// Two programs, and a stream between them.
    private func withStream(
        _ options: ContextOptions = ContextOptions(format: .stream)
    ) async throws -> (here: ByteStream, there: StreamEvent, context: Context) {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", options: options)
        async let stream = here.openStream(to: "x", options: ConnectOptions(metadata: ["a": "b"]))
        let event = try #require(await context.nextStream())
        return (try await stream, event, context)
    }

    @Test("Two programs agree on a stream, and each gets its end of the socket")
    func programsAgreeOnStream() async throws {
        let (here, there, context) = try await withStream()
        #expect(context.format == .stream)
        #expect(there.metadata == ["a": "b"])
        #expect(there.peer.pid == getpid())
        let listening = StreamSocket(Descriptor(adopting: try there.stream.takeFileDescriptor()))
        let calling = StreamSocket(Descriptor(adopting: try here.takeFileDescriptor()))
        try calling.write([0, 0, 0, 0, 0])
        #expect(listening.bytes() == [0, 0, 0, 0, 0])
    }

    @Test("A stream carries what was recorded of older versions, and nothing else")
    func streamCarriesRecordedBytes() async throws {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../Compatibility/stream.hex").standardizedFileURL
        let bytes = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }
            .flatMap { $0.split(separator: " ").compactMap { UInt8($0, radix: 16) } }
        #expect(bytes == [0, 1, 255])
        let (here, there, context) = try await withStream()
        for (from, to) in [(here, there.stream), (there.stream, here)] {
            try from.withSocket { try $0.write(bytes) }
            #expect(to.withSocket { $0.bytes() } == bytes)
        }
        here.close()
        #expect(there.stream.withSocket { $0.hasEnded } == true)
        withExtendedLifetime(context) {}
    }

    @Test(
        "A stream is closed once by its program, or when it is dropped, and its peer sees the end",
        arguments: [true, false])
    func streamIsClosedOnce(isDropped: Bool) async throws {
        var (here, there, context): (ByteStream?, StreamEvent, Context) = try await withStream()
        // Whatever copies of the socket there are.
        let copy = here?.withSocket { $0 }
        if !isDropped {
            here?.close()
            #expect(here?.isDetached == true)
            #expect(here?.withFileDescriptor { $0 } == nil)
            #expect(#expect(throws: PortError.self) { try here?.takeFileDescriptor() }?.code == .detached)
        }
        here = nil
        #expect(there.stream.withSocket { $0.hasEnded } == true)
        withExtendedLifetime((context, copy)) {}
    }

    @Test("What a caller wrote before it left can still be read by a listener that decides late")
    func lateListenerReadsGoneCaller() async throws {
        let (here, there, context) = try await withStream()
        try here.withSocket { try $0.write([1, 2, 3]) }
        here.close()
        let socket = StreamSocket(Descriptor(adopting: try there.stream.takeFileDescriptor()))
        #expect(there.stream.isDetached)
        #expect(socket.bytes() == [1, 2, 3])
        #expect(socket.hasEnded)
        withExtendedLifetime(context) {}
    }

    @Test("The socket of a stream is closed on exec and blocks")
    func streamSocketClosesOnExec() async throws {
        let (here, there, context) = try await withStream()
        let number = try here.takeFileDescriptor()
        #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(number, F_GETFL) & O_NONBLOCK == 0)
        close(number)
        withExtendedLifetime((there, context)) {}
    }

    @Test("Callers learn whether a stream may end before all of it is taken", arguments: [true, false])
    func callersLearnWhetherStreamIsPartial(isPartial: Bool) async throws {
        let (here, there, context) = try await withStream(ContextOptions(format: .stream, isPartial: isPartial))
        #expect(here.isPartial == isPartial)
        #expect(there.stream.isPartial == isPartial)
        withExtendedLifetime(context) {}
    }

    @Test("A stream counts against its caller's limit until its socket is taken, or it is closed")
    func streamCountsUntilTaken() async throws {
        var limits = BusLimits()
        limits.callers.openPorts = 1
        let here = try await Bus.onPrivateBus()
        let there = try await Bus.makeSeparate(at: try PrivateBus.current.address, limits: limits)
        let context = try await there.register("x", options: ContextOptions(format: .stream))
        var streams: [ByteStream] = []
        var events: [StreamEvent] = []
        for number in 1...3 {
            streams.append(try await here.openStream(to: "x"))
            let event = try #require(await context.nextStream())
            // Kept: it is not its being dropped that makes room.
            events.append(event)
            let error = await #expect(throws: PortError.self) { try await here.openStream(to: "x") }
            #expect(error?.reason?.code == .busy)
            if number == 1 {
                event.stream.close()
            } else {
                close(try event.stream.takeFileDescriptor())
            }
        }
    }

    @Test("A stream whose task is cancelled before its listener answers is given up with an error that says so")
    func cancelledOpeningOfStream() async throws {
        let bus = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("x")
        let opening = Task { try await bus.openStream(to: "x") }
        let call = try await listener.nextCall()
        opening.cancel()
        let error = await #expect(throws: PortError.self) { try await opening.value }
        #expect(error?.code == .cancelled)
        #expect(call.line?.hasEnded == true)
    }

    @Test("An invalid name, and too much metadata, fail the opening of a stream at once")
    func invalidStreamRequestFailsAtOnce() async throws {
        let bus = try await Bus.onPrivateBus()
        let large = ["a": String(repeating: "x", count: 64 << 10)]
        for (name, metadata) in [("", [:]), ("x", large)] {
            let error = await #expect(throws: PortError.self) {
                try await bus.openStream(to: name, options: ConnectOptions(metadata: metadata))
            }
            #expect(error?.code == .closed)
            #expect(error?.reason?.code == .invalid)
        }
    }

    @Test("A stream to a name without an owner fails with the reason that a port has")
    func unavailableStreamHasPortsReason() async throws {
        let bus = try await Bus.onPrivateBus()
        let error = await #expect(throws: PortError.self) {
            try await bus.openStream(to: "x", options: ConnectOptions(wait: .now))
        }
        #expect(error?.reason?.code == .unavailable)
    }

    @Test(
        "A context refuses callers of the other format, and says which format it has",
        arguments: [LineFormat.messages, .stream])
    func otherFormatIsRefused(format: LineFormat) async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", options: ContextOptions(format: format))
        let reason: CloseReason?
        if format == .stream {
            reason = try await here.connectTo("x").waitUntilClosed()
            #expect(reason?.detail.contains("streams") == true)
        } else {
            reason = await #expect(throws: PortError.self) { try await here.openStream(to: "x") }?.reason
            #expect(reason?.detail.contains("messages") == true)
        }
        #expect(reason?.code == .refused)
        // The right one is served as if nothing had been.
        if format == .stream {
            _ = try await here.openStream(to: "x")
            #expect(try await context.nextStream() != nil)
        } else {
            let port = here.connectTo("x")
            #expect(await context.nextConnect() != nil)
            withExtendedLifetime(port) {}
        }
    }

    @Test(
        "Taking streams of a context of messages, or connect events of one of streams, throws and says what to take"
    )
    func takingOtherFormatThrows() async throws {
        let bus = try await Bus.onPrivateBus()
        let messages = try await bus.register("x")
        let streams = try await bus.register("y", options: ContextOptions(format: .stream))
        let first = await #expect(throws: ConnectToError.self) { try await messages.nextStream() }
        let second = await #expect(throws: ConnectToError.self) {
            for try await _ in streams.connectEvents {}
        }
        for (error, sequence) in [(first, "connectEvents"), (second, "streams")] {
            #expect(error?.code == .otherFormat)
            #expect(error?.message.contains("take its callers with \(sequence)") == true)
        }
    }

    @Test("A second task that takes a context's streams is refused until the first has ended")
    func secondTakerOfStreamsIsRefused() async throws {
        let bus = try await Bus.onPrivateBus()
        let context = try await bus.register("x", options: ContextOptions(format: .stream))
        do {
            let first = context.streams.makeAsyncIterator()
            let error = await #expect(throws: ConnectToError.self) { try await context.nextStream() }
            #expect(error?.code == .alreadyTaken)
            withExtendedLifetime(first) {}
        }
        async let stream = bus.openStream(to: "x")
        #expect(try await context.nextStream() != nil)
        _ = try await stream
    }

    @Test("A context of a format of its own gives ports to callers of that format, and refuses plain ones")
    func formatOfItsOwn() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let format = LineFormat(rawValue: "org.example.chess")
        let context = try await there.register("x", options: ContextOptions(format: format))
        let plain = try await here.connectTo("x").waitUntilClosed()
        #expect(plain.code == .refused)
        #expect(plain.detail.contains("org.example.chess"))
        let port = here.connectTo("x", options: ConnectOptions(format: format))
        try port.postMessage("e4")
        let event = try #require(await context.nextConnect())
        #expect(try await event.source.nextMessage()?.text == "e4")
    }

    @Test("A port cannot be asked for as a stream, nor a context registered without a word for its format")
    func impossibleFormats() async throws {
        let bus = try await Bus.onPrivateBus()
        let reason = try await bus.connectTo("x", options: ConnectOptions(format: .stream)).waitUntilClosed()
        #expect(reason.code == .invalid)
        #expect(reason.detail.contains("openStream"))
        for word in ["", String(repeating: "x", count: 256)] {
            let error = await #expect(throws: ConnectToError.self) {
                try await bus.register("x", options: ContextOptions(format: LineFormat(rawValue: word)))
            }
            #expect(error?.code == .otherFormat)
        }
    }

    @Test("A caller with a format that the listener does not know is refused, and learns the listener's format")
    func unknownFormatIsRefused() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        var hello = Greeting()
        hello.format = "video"
        let (near, far) = try StreamSocket.pair()
        let name = context.registration.context
        let error = await #expect(throws: DBusError.self) {
            try await here.connection.call(
                OutgoingCall(
                    destination: name.busName, path: name.objectPath, interface: ContextInterface.name,
                    member: ContextInterface.connect, body: [.unixFD(far.descriptor), hello.encoded]),
                deadline: .seconds(30))
        }
        #expect(error?.name == ContextInterface.refused)
        #expect(error?.message == "its lines carry messages, and the call asked for the format \"video\"")
        withExtendedLifetime(near) {}
    }

    @Test("A listener of a later version shows its format as its word")
    func laterFormatIsShownAsWord() async throws {
        let bus = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("x")
        let answering = Task {
            while true {
                let call = try await listener.nextCall()
                let properties = DBusValue.dictionary(
                    key: "s", value: "v", [.init(.string("Format"), .variant(.string("calls")))])
                await listener.reply(to: call, [properties])
            }
        }
        let info = try #require(try await bus.info("x"))
        #expect(info.format == LineFormat(rawValue: "calls"))
        #expect(info.format?.description == "calls")
        answering.cancel()
    }

    @Test(
        "A welcome of another format than was asked for is a protocol error", arguments: [LineFormat.messages, .stream])
    func welcomeOfOtherFormatIsProtocolError(format: LineFormat) async throws {
        let bus = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("x")
        let reason = Task { () -> CloseReason? in
            if format == .messages { return try await bus.connectTo("x").waitUntilClosed() }
            return await #expect(throws: PortError.self) { try await bus.openStream(to: "x") }?.reason
        }
        let other: LineFormat = format == .stream ? .messages : .stream
        await listener.reply(to: try await listener.nextCall(), [Greeting(format: other).encoded])
        #expect(try await reason.value?.code == .protocolError)
    }

    @Test("A stream is opened by the welcome, not by what the listener writes before it")
    func bytesBeforeWelcomeOpenNoStream() async throws {
        let bus = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("x")
        for isAdmitted in [false, true] {
            let opening = Task { try await bus.openStream(to: "x") }
            let call = try await listener.nextCall()
            try #require(call.line).write([1, 2, 3])
            if isAdmitted {
                await listener.reply(to: call, [Greeting(format: .stream).encoded])
                #expect(try await opening.value.withSocket { $0.bytes() } == [1, 2, 3])
            } else {
                await listener.replyError(to: call, ContextInterface.refused)
                let error = await #expect(throws: PortError.self) { try await opening.value }
                #expect(error?.reason?.code == .refused)
            }
        }
    }

    @Test("The format is a property of the context", arguments: [LineFormat.messages, .stream])
    func formatIsAProperty(format: LineFormat) async throws {
        let bus = try await Bus.onPrivateBus()
        let context = try await bus.register("x", options: ContextOptions(format: format))
        let reply = try await bus.connection.call(
            OutgoingCall(
                destination: context.busName, path: context.registration.context.objectPath,
                interface: ContextInterface.properties, member: "Get",
                body: [.string(ContextInterface.name), .string("Format")]),
            deadline: .seconds(30))
        #expect(reply.body == [.variant(.string(format.rawValue))])
    }
}

extension Context {
    /// The next caller's stream; nil once the context has ended.
    func nextStream() async throws(ConnectToError) -> StreamEvent? {
        var streams = streams.makeAsyncIterator()
        return try await streams.next()
    }
}

extension ByteStream {
    fileprivate func withSocket<Result>(_ body: (StreamSocket) throws -> Result) rethrows -> Result? {
        try withFileDescriptor { number in
            guard let descriptor = try? Descriptor.duplicate(of: number) else { return nil }
            return try body(StreamSocket(descriptor))
        } ?? nil
    }
}

extension StreamSocket {
    /// What has arrived; empty at the end too.
    fileprivate func bytes() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = recv(descriptor.rawValue, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        return Array(buffer.prefix(max(0, count)))
    }

    /// Whether the other side closes within ten seconds, and all that it wrote has been read. The task that opened
    /// a stream may hold it for a moment after the program has dropped it.
    fileprivate var hasEnded: Bool {
        var socket = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
        poll(&socket, 1, 10_000)
        var byte: UInt8 = 0
        return recv(descriptor.rawValue, &byte, 1, Int32(MSG_DONTWAIT)) == 0
    }
}
