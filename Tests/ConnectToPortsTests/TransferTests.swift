import ConnectToPorts
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@Suite("Transferring ports, files and buffers", .chosenExecutor, .timeLimit(.minutes(1)))
struct TransferTests {
    @Test("A transferred port brings what it had received and not delivered, in order")
    func transferredPortBringsItsBacklog() async throws {
        let inner = try MessageChannel()
        for number in 0..<100 { try inner.port1.postMessage("\(number)") }
        // Started and half read: some of it is in user space.
        var early = inner.port2.messages.makeAsyncIterator()
        for number in 0..<10 { #expect(try await early.next()?.text == "\(number)") }
        let carrier = try MessageChannel()
        try carrier.port1.postMessage(.text("here it comes", transfer: [.port(inner.port2)]))
        #expect(inner.port2.isDetached)
        #expect(inner.port2.closeReason?.code == .transferred)
        #expect(try await early.next() == nil)
        for number in 100..<200 { try inner.port1.postMessage("\(number)") }

        var messages = carrier.port2.messages.makeAsyncIterator()
        let message = try #require(try await messages.next())
        #expect(message.text == "here it comes")
        let port = try #require(message.ports.first)
        var rest = port.messages.makeAsyncIterator()
        for number in 10..<200 { #expect(try await rest.next()?.text == "\(number)") }
        try port.postMessage("back")
        var answers = inner.port1.messages.makeAsyncIterator()
        #expect(try await answers.next()?.text == "back")
        inner.port1.close()
        #expect(try await rest.next() == nil)
        #expect(port.closeReason?.code == .closed)
    }

    @Test("Over many hops of a port, with both sides posting, all messages arrive once and in order")
    func messagesSurviveManyHops() async throws {
        let total = 10_000
        let inner = try MessageChannel()
        async let posting: Void = {
            for number in 0..<total { try await inner.port1.send("\(number)") }
        }()
        async let answers: Int = {
            var count = 0
            for try await message in inner.port1.messages {
                guard message.text == "\(count)" else { return -1 }
                count += 1
            }
            return count
        }()
        var port = inner.port2
        var posted = 0
        var received = 0
        for hop in 1...6 {
            // Takes a few and posts a few in each place, so that both directions have something under way.
            if hop > 1 {
                var messages = port.messages.makeAsyncIterator()
                for _ in 0..<100 * hop {
                    #expect(try await messages.next()?.text == "\(received)")
                    received += 1
                }
            }
            for _ in 0..<500 {
                try port.postMessage("\(posted)")
                posted += 1
            }
            let carrier = try MessageChannel()
            try carrier.port1.postMessage(.text("hop", transfer: [.port(port)]))
            var messages = carrier.port2.messages.makeAsyncIterator()
            port = try #require(try await messages.next()?.ports.first)
        }
        var messages = port.messages.makeAsyncIterator()
        while received < total {
            #expect(try await messages.next()?.text == "\(received)")
            received += 1
        }
        try await posting
        port.close()
        #expect(try await answers == posted)
    }

    @Test("A port that carries ports that carry ports arrives with all of them")
    func portsInPortsArrive() async throws {
        let innermost = try MessageChannel()
        try innermost.port1.postMessage("deep")
        var parcel = innermost.port2
        for depth in 0..<7 {
            let channel = try MessageChannel()
            try channel.port1.postMessage(.text("\(depth)", transfer: [.port(parcel)]))
            // Received into user space and not delivered, so that it travels with its port.
            channel.port2.start()
            channel.port1.finish()
            while !channel.port2.peerHasFinished, !Task.isCancelled { await Task.yield() }
            parcel = channel.port2
        }
        let carrier = try MessageChannel()
        try carrier.port1.postMessage(.text("parcel", transfer: [.port(parcel)]))
        var port = try #require(try await carrier.port2.first()?.ports.first)
        for depth in (0..<7).reversed() {
            let message = try #require(try await port.first())
            #expect(message.text == "\(depth)")
            port = try #require(message.ports.first)
        }
        #expect(try await port.first()?.text == "deep")
    }

    @Test("A port whose peer has gone can be transferred with what the peer had sent")
    func endedPortBringsLastMessages() async throws {
        let inner = try MessageChannel()
        try inner.port1.postMessage("last words")
        inner.port1.close()
        inner.port2.start()
        #expect(try await inner.port2.waitUntilClosed().code == .closed)
        let carrier = try MessageChannel()
        try carrier.port1.postMessage(.text("", transfer: [.port(inner.port2)]))
        let port = try #require(try await carrier.port2.first()?.ports.first)
        var messages = port.messages.makeAsyncIterator()
        #expect(try await messages.next()?.text == "last words")
        #expect(try await messages.next() == nil)
        #expect(port.closeReason?.code == .closed)
    }

    @Test("Transferred files arrive open, and the sender no longer has them")
    func filesArriveOpen() async throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let reading = try OpenFile(duplicating: ends[0])
        close(ends[0])
        let channel = try MessageChannel()
        try channel.port1.postMessage(.text("a pipe", transfer: [.file(reading)]))
        #expect(reading.isDetached)
        #expect(throws: PortError.self) { try reading.duplicate() }
        let file = try #require(try await channel.port2.first()?.files.first)
        #expect(write(ends[1], "x", 1) == 1)
        close(ends[1])
        var byte: UInt8 = 0
        #expect(file.withFileDescriptor { read($0, &byte, 1) } == 1)
        #expect(byte == UInt8(ascii: "x"))
    }

    @Test("A file goes to many receivers, a duplicate to each, which all share one position")
    func duplicatedFile() async throws {
        let temporary = try #require(tmpfile())
        let number = fileno(temporary)
        #expect(write(number, "abc", 3) == 3 && lseek(number, 0, SEEK_SET) == 0)
        let file = try OpenFile(duplicating: number)
        fclose(temporary)
        var read = ""
        for _ in 0..<3 {
            let channel = try MessageChannel()
            try channel.port1.postMessage(.text("", transfer: [.file(file.duplicated())]))
            let received = try #require(try await channel.port2.first()?.files.first)
            var byte: UInt8 = 0
            #expect(received.withFileDescriptor { Glibc.read($0, &byte, 1) } == 1)
            read.append(Character(Unicode.Scalar(byte)))
        }
        #expect(read == "abc")
        #expect(!file.isDetached)
        let channel = try MessageChannel()
        try channel.port1.postMessage(.text("", transfer: [.file(file)]))
        let error = #expect(throws: PortError.self) { try file.duplicated() }
        #expect(error?.code == .detached)
    }

    @Test("A moved buffer can be read by its receiver and not written any more; a shared one is written by both")
    func buffersMoveOrAreShared() async throws {
        let moving = try SharedBuffer(count: 1 << 20)
        moving.withUnsafeMutableBytes { $0[5] = 42 }
        let shared = try SharedBuffer(count: 4096, mode: .shared)
        let channel = try MessageChannel()
        try channel.port1.postMessage(.text("", transfer: [.buffer(moving), .buffer(shared)]))
        #expect(moving.isDetached)
        #expect(moving.withUnsafeBytes { $0.count } == nil)
        #expect(!shared.isDetached)
        let message = try #require(try await channel.port2.first())
        #expect(message.buffers.map(\.count) == [1 << 20, 4096])
        #expect(message.buffers[0].withUnsafeBytes { $0[5] } == 42)
        #expect(message.buffers[0].withUnsafeMutableBytes { _ in } == nil)
        message.buffers[1].withUnsafeMutableBytes { $0[7] = 7 }
        #expect(shared.withUnsafeBytes { $0[7] } == 7)
    }

    @Test("A buffer that is made of bytes holds them, and can be written before it moves")
    func copiedBuffer() async throws {
        let buffer = try SharedBuffer(copying: Array("abc".utf8))
        buffer.withUnsafeMutableBytes { $0[2] = UInt8(ascii: "d") }
        let channel = try MessageChannel()
        try channel.port1.postMessage(.text("", transfer: [.buffer(buffer)]))
        let received = try #require(try await channel.port2.first()?.buffers.first)
        #expect(received.withUnsafeBytes { Array($0) } == Array("abd".utf8))
        let empty = try SharedBuffer(copying: [])
        #expect(empty.count == 0)
    }

    @Test("A post that throws has transferred nothing")
    func failedPostTransfersNothing() async throws {
        let carrier = try MessageChannel()
        let inner = try MessageChannel()
        try inner.port1.postMessage("still here")
        inner.port2.start()
        let file = try OpenFile(duplicating: 0)
        let buffer = try SharedBuffer(count: 10)
        let gone = try MessageChannel()
        gone.port1.close()
        func expect(_ code: PortError.Code, _ things: [Transferable]) {
            let error = #expect(throws: PortError.self) {
                try carrier.port1.postMessage(.text("x", transfer: things))
            }
            #expect(error?.code == code)
        }
        expect(.detached, [.port(inner.port2), .file(file), .buffer(buffer), .port(gone.port1)])
        expect(.notTransferable, [.file(file), .port(inner.port2), .port(inner.port2)])
        expect(.notTransferable, [.buffer(buffer), .port(carrier.port1)])
        let many = try (0..<254).map { _ in Transferable.file(try OpenFile(duplicating: 0)) }
        expect(.tooManyDescriptors, [.port(inner.port2)] + many)
        buffer.withUnsafeMutableBytes { _ in expect(.notTransferable, [.port(inner.port2), .buffer(buffer)]) }
        #expect(![Transferable.port(inner.port2), .file(file), .buffer(buffer)].contains { $0.isDetached })
        #expect(many.allSatisfy { !$0.isDetached })
        try inner.port1.postMessage("and here")
        var messages = inner.port2.messages.makeAsyncIterator()
        #expect(try await messages.next()?.text == "still here")
        #expect(try await messages.next()?.text == "and here")
        #expect(buffer.isWritable)
        let port1 = carrier.port1
        try port1.postMessage(.text("fine", transfer: Array(many.prefix(253))))
        #expect(try await carrier.port2.first()?.files.count == 253)
    }

    @Test("Ten thousand transfers leave no descriptor behind")
    func manyTransfersLeaveNoDescriptor() async throws {
        try await expectNoDescriptorLeak {
            let carrier = try MessageChannel()
            var messages = carrier.port2.messages.makeAsyncIterator()
            for _ in 0..<2_000 {
                let inner = try MessageChannel()
                try inner.port1.postMessage("x")
                try carrier.port1.postMessage(
                    .text("", transfer: [.port(inner.port2), .file(try OpenFile(duplicating: 0))]))
                #expect(try await messages.next()?.transferred.count == 2)
            }
        }
    }
}

extension MessagePort {
    /// The next message, or nil at the end.
    fileprivate func first() async throws -> Message? {
        var messages = messages.makeAsyncIterator()
        return try await messages.next()
    }
}
