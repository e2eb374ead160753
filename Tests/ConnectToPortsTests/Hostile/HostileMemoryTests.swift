import ConnectToLinux
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToPorts

/// Each in a process of its own, so that the memory is its own too.
@Suite(
    "The memory that a hostile peer can take", .timeLimit(.minutes(1)),
    .disabled(if: isSanitized, "a sanitizer keeps what is freed"))
struct HostileMemoryTests {
    @Test("Lengths that a peer only announces take no memory")
    func announcedLengthsTakeNoMemory() async {
        await #expect(processExitsWith: .success) {
            try await bounded(to: 32) {
                let enemies = try (0..<50).map { _ in try Enemy() }
                for enemy in enemies {
                    enemy.port.start()
                    try await enemy.send(FrameHeader.raw(1, length: 64 << 20))
                    for _ in 0..<20 { try await enemy.send([1]) }
                }
                // A healthy message after the fact: by then the loop has read it all.
                for enemy in enemies { while enemy.port.line.read({ $0.mayRead }) { await Task.yield() } }
                withExtendedLifetime(enemies) {}
            }
        }
    }

    @Test("Lengths that a peer only announces take no address space")
    func announcedLengthsTakeNoAddressSpace() async {
        await #expect(processExitsWith: .success) {
            let enemies = try (0..<33).map { _ in try Enemy() }
            try limitAddressSpace(toMore: 1 << 30)
            let length = 64 << 20
            for enemy in enemies {
                enemy.port.start()
                // Two reads: room for the payload is made when more of it comes.
                try await enemy.send(FrameHeader.raw(1, length: length))
                while enemy.port.line.read({ $0.reader.missing }) != length { await Task.yield() }
                try await enemy.send([1, 1])
                while enemy.port.line.read({ $0.reader.missing }) != length - 2 { await Task.yield() }
            }
            for enemy in enemies { #expect(enemy.port.closeReason == nil) }
        }
    }

    @Test("A message for which there is no memory ends its own line as out of resources, and no other")
    func missingMemoryEndsOneLine() async {
        await #expect(processExitsWith: .success) {
            var limits = PortLimits()
            limits.messageLength = 1 << 30
            let enemy = try Enemy(limits: limits)
            let (near, far) = try MessageChannel.makePair()
            enemy.port.start()
            try limitAddressSpace(toMore: 200 << 20)
            try await enemy.send(FrameHeader.raw(1, length: limits.messageLength))
            let piece = [UInt8](repeating: 1, count: 1 << 20)
            while try await enemy.send(piece) {}
            #expect(try await enemy.port.waitUntilClosed().code == .outOfResources)
            try far.postMessage("still here")
            var messages = near.messages.makeAsyncIterator()
            #expect(try await messages.next()?.text == "still here")
        }
    }

    @Test("Messages that the program does not take hold the queue's bound and one message")
    func untakenMessagesAreBounded() async {
        await #expect(processExitsWith: .success) {
            try await bounded(to: 32) {
                let enemy = try Enemy()
                enemy.port.start()
                try await enemy.sendUntilStalled(text("a word"))
                let limit = PortLimits().queuedInput
                #expect((limit...limit + 100).contains(enemy.port.line.read { $0.input.size }))
                // Somebody who takes now and then gets all of it, in order.
                var messages = enemy.port.messages.makeAsyncIterator()
                for _ in 0..<100_000 {
                    #expect(try await messages.next()?.text == "a word")
                    _ = try await enemy.send(text("a word"), patience: .zero)
                }
            }
        }
    }

    @Test("Messages with empty transfer tables hold the queue's bound")
    func messagesWithEmptyTablesAreBounded() async {
        await #expect(processExitsWith: .success) {
            try await bounded(to: 32) {
                let enemies = try (0..<10).map { _ in try Enemy() }
                for enemy in enemies {
                    enemy.port.start()
                    try await enemy.sendUntilStalled(messageWithTable(table(count: 0, []), descriptors: 0))
                }
                withExtendedLifetime(enemies) {}
            }
        }
    }

    @Test("Long messages that the program does not take hold the queue's bound and one message, whatever their length")
    func longUntakenMessagesAreBounded() async {
        await #expect(processExitsWith: .success) {
            try await bounded(to: 32) {
                let enemy = try Enemy()
                enemy.port.start()
                let length = 100_000
                try await enemy.sendUntilStalled(text(String(repeating: "x", count: length)))
                let limit = PortLimits().queuedInput
                #expect((limit...limit + 100 + length).contains(enemy.port.line.read { $0.input.size }))
            }
        }
    }

    @Test("What comes inside of transferred ports counts against the bound of memory")
    func inputInsidePortsIsBounded() async {
        await #expect(processExitsWith: .success) {
            try await bounded(to: 64) {
                let enemy = try Enemy()
                enemy.port.start()
                let backlog = text(String(repeating: "x", count: 4 << 20))
                let port = messageWithTable(
                    table(Item.port(backlog, flags: Item.over)), descriptors: 0)
                try await enemy.sendUntilStalled(port)
            }
        }
    }

    @Test("Lines that are over count against the bound of memory, one message of each at a time")
    func linesThatAreOverCount() async {
        await #expect(processExitsWith: .success) {
            try await bounded(to: 32) {
                let enemy = try Enemy()
                enemy.port.start()
                let lines = [UInt8](repeatElement(Item.port(flags: Item.over), count: 253).joined())
                try await enemy.sendUntilStalled(
                    messageWithTable(table(count: 253, lines), descriptors: 0))
            }
        }
    }

    @Test("Lines in lines are held as one copy, however deep")
    func nestedLinesAreCopiedOnce() async {
        await #expect(processExitsWith: .success) {
            try await bounded(to: 64) {
                let enemy = try Enemy()
                var messages = enemy.port.messages.makeAsyncIterator()
                // Put together from the outside in: a copy for each level would take us as long as memory.
                var fronts: [[UInt8]] = []
                var size = 0
                for _ in 0..<50_000 {
                    let front = Item.port(size: UInt32(size), flags: Item.over)
                    let frame = messageWithTable(
                        [1, 0, 0, 0] + front, descriptors: 0, size: 4 + front.count + size)
                    var whole = frame
                    whole.replaceSubrange(
                        0..<4,
                        with: withUnsafeBytes(of: UInt32(frame.count - 8 + size).littleEndian) { [UInt8]($0) }
                    )
                    size += whole.count
                    fronts.append(whole)
                }
                try await enemy.send([UInt8](fronts.reversed().joined()))
                #expect(try await messages.next()?.ports.count == 1)
            }
        }
    }
}

/// From here on the process may have so many bytes of address space more than now.
private func limitAddressSpace(toMore room: Int) throws {
    _ = try MessageChannel()
    let limit = rlim_t(try addressSpace() + room)
    var both = rlimit(rlim_cur: limit, rlim_max: limit)
    try systemCall("setrlimit") { setrlimit(__rlimit_resource_t(bitPattern: RLIMIT_AS.rawValue), &both) }
}

/// Fails the process where it has more memory at the end than before, by more than so many MiB.
private func bounded(to limit: Int, _ body: () async throws -> Void) async throws {
    _ = try MessageChannel()
    let before = try peakMemory()
    try await body()
    let taken = try peakMemory() - before
    #expect(taken <= limit)
}

extension Enemy {
    /// Sends the same again and again, until the port has read nothing for a while.
    fileprivate func sendUntilStalled(_ bytes: [UInt8]) async throws {
        while try await send(bytes, patience: .milliseconds(500)) {}
    }
}
