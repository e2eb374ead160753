import CConnectToLinux
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToPorts

@Suite("A hostile peer", .chosenExecutor, .timeLimit(.minutes(1)))
struct HostilePeerTests {
    /// SO_PASSCRED and SO_PASSPIDFD, which make the kernel add to every message.
    @Test("A peer that sets socket options on our end ends its own port", arguments: [16, 76] as [Int32])
    func socketOptionsEndPort(option: Int32) async throws {
        try await underAttack { enemy in
            var on: Int32 = 1
            let end = enemy.copyOfTheirEnd.rawValue
            let result = setsockopt(end, SOL_SOCKET, option, &on, socklen_t(MemoryLayout<Int32>.size))
            // Kernels before 6.5 know no SO_PASSPIDFD, and then nothing happens.
            let isKnown = result == 0
            try await enemy.send(text("x"))
            try await enemy.send(text("y"), isKnown ? try Loot.files(1) : [])
            enemy.port.start()
            if isKnown {
                #expect(try await enemy.port.waitUntilClosed().code == .protocolError)
            } else {
                var messages = enemy.port.messages.makeAsyncIterator()
                #expect(try await messages.next()?.text == "x")
            }
        }
    }

    @Test("A peer that makes our end of the socket a blocking one makes no thread wait")
    func blockingEndMakesNoThreadWait() async throws {
        try await underAttack { enemy in
            let end = enemy.copyOfTheirEnd.rawValue
            #expect(fcntl(end, F_SETFL, fcntl(end, F_GETFL) & ~O_NONBLOCK) == 0)
            enemy.port.start()
            try await enemy.send(text("x"))
            var messages = enemy.port.messages.makeAsyncIterator()
            #expect(try await messages.next()?.text == "x")
            // More than the kernel takes: a call that waits would never return.
            for _ in 0..<8 { try enemy.port.postMessage([UInt8](repeating: 1, count: 1 << 20)) }
            #expect(enemy.port.bufferedAmount > 0)
            enemy.port.abandon()
        }
    }

    @Test("A peer that holds a copy of our end sees it shut down all the same")
    func copiesOfEndSeeShutdown() async throws {
        try await underAttack { enemy in
            enemy.port.close()
            let farewell = try await enemy.readToEnd()
            #expect(farewell.count == FrameHeader.size + FrameHeader.closePayloadSize)
            let isHeard = try await enemy.send(text("x"))
            #expect(!isHeard)
        }
    }

    @Test("A peer's invalid UTF-8 and JSON, and JSON a million levels deep, arrive as they were sent")
    func invalidPayloadsArriveAsSent() async throws {
        try await underAttack { enemy in
            let wrong: [UInt8] = [0xED, 0xA0, 0x80, 0xC0, 0xAF, 0xFF]
            for kind in [2, 3] as [UInt8] {
                try await enemy.send(FrameHeader.raw(kind, length: wrong.count) + wrong)
            }
            let sending = Task {
                for depth in [10_000, 1_000_000] {
                    let deep = [UInt8](repeating: UInt8(ascii: "["), count: depth)
                    try await enemy.send(FrameHeader.raw(3, length: deep.count) + deep)
                    let closed = deep + [UInt8](repeating: UInt8(ascii: "]"), count: depth)
                    try await enemy.send(FrameHeader.raw(3, length: closed.count) + closed)
                }
            }
            defer { sending.cancel() }
            var messages = enemy.port.messages.makeAsyncIterator()
            for size in [6, 6, 10_000, 20_000, 1_000_000, 2_000_000] {
                let message = try #require(try await messages.next())
                #expect(message.count == size)
                #expect((message.text == nil) == (size == 6))
                let error = #expect(throws: PortError.self) { try message.decode(Nested.self) }
                #expect(error?.code == .notDecodable)
            }
            #expect(enemy.port.closeReason == nil)
        }
    }

    private struct Nested: Decodable {
        let inner: [Nested]

        init(from decoder: any Decoder) throws {
            inner = try [Nested](from: decoder)
        }
    }

    @Test("A peer's flood of empty messages is read as fast as they are taken, and delays no timer")
    func emptyMessagesDelayNoTimer() async throws {
        try await underAttack { enemy in
            let total = 1_000_000
            let block = [UInt8](repeatingFrames: 8192)
            let sending = Task.detached {
                for _ in 0..<total / 8192 { try await enemy.send(block) }
                enemy.hangUp()
            }
            var messages = enemy.port.messages.makeAsyncIterator()
            var count = 0
            await #expect(throws: PortError.self) { while try await messages.next() != nil { count += 1 } }
            try await sending.value
            #expect(count == total / 8192 * 8192)
            #expect(enemy.port.closeReason?.code == .peerExited)
        }
    }

    @Test("A peer that sends one byte at a time is understood")
    func singleBytesAreRead() async throws {
        try await underAttack { enemy in
            let file = messageWithTable(table(Item.file), descriptors: 1) + text("Hello")
            try await enemy.send([file[0]], try Loot.files(1))
            enemy.port.start()
            for byte in file.dropFirst() { try await enemy.send([byte]) }
            var messages = enemy.port.messages.makeAsyncIterator()
            #expect(try await messages.next()?.files.count == 1)
            #expect(try await messages.next()?.text == "Hello")
        }
    }

    @Test("A peer that never reads fills its own queue and no more, and the close does not wait for ever")
    func peerThatNeverReads() async throws {
        var limits = PortLimits()
        limits.linger = .milliseconds(50)
        try await underAttack(limits: limits) { enemy in
            let block = [UInt8](repeating: 0, count: 1 << 20)
            let error = #expect(throws: PortError.self) {
                while true { try enemy.port.postMessage(block) }
            }
            #expect(error?.code == .queueFull)
            #expect(enemy.port.bufferedAmount <= limits.queuedOutput)
            enemy.port.close()
            await #expect(throws: PortError.self) { try await enemy.port.flush() }
            #expect(enemy.port.closeReason?.code == .closed)
            #expect(enemy.port.bufferedAmount == 0)
        }
    }

    @Test("A peer that never reads is sent a bounded number of files")
    func peerThatNeverReadsFiles() async throws {
        var limits = PortLimits()
        limits.linger = .milliseconds(50)
        try await underAttack(limits: limits) { enemy in
            let null = try #require(try Loot.files(1).first)
            // Enough to be in the way of what follows.
            try enemy.port.postMessage([UInt8](repeating: 0, count: 1 << 20))
            var count = 0
            let error = #expect(throws: PortError.self) {
                while count < 1_000 {
                    let file = try OpenFile(duplicating: null.rawValue)
                    try enemy.port.postMessage(.text("", transfer: [.file(file)]))
                    count += 1
                }
            }
            #expect(error?.code == .queueFull)
            #expect(count == limits.queuedDescriptors)
            enemy.port.close()
            await #expect(throws: PortError.self) { try await enemy.port.flush() }
        }
    }

    @Test("A peer that closes and keeps its end has closed, and what it writes after that is not read")
    func bytesAfterCloseAreIgnored() async throws {
        try await underAttack { enemy in
            try enemy.port.postMessage("for you")
            try await enemy.send(text("last"))
            try await enemy.send(FrameHeader.raw(17, length: 8) + [UInt8](repeating: 0, count: 8))
            try await enemy.send(text("more"))
            var messages = enemy.port.messages.makeAsyncIterator()
            #expect(try await messages.next()?.text == "last")
            #expect(try await messages.next() == nil)
            #expect(enemy.port.closeReason?.code == .closed)
            #expect(enemy.port.undeliveredCount == 1)
            #expect(try await enemy.readToEnd() == text("for you"))
        }
    }
}

extension [UInt8] {
    fileprivate init(repeatingFrames count: Int) {
        self = [[UInt8]](repeating: FrameHeader.raw(1, length: 0), count: count).flatMap { $0 }
    }
}
