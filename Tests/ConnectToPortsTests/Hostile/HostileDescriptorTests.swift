import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToPorts

@Suite("The descriptors that hostile peers can take", .chosenExecutor, .timeLimit(.minutes(1)))
struct HostileDescriptorTests {
    /// Of a process of a test's own.
    private static let total = 1_024

    @Test("Waiting descriptors take half of all at most, over any number of ports; the rest arrives when there is room")
    func waitingDescriptorsAreHalfOfAll() async {
        await #expect(processExitsWith: .success) {
            try limitDescriptors(to: Self.total)
            let null = try #require(try Loot.files(1).first)
            let files = messageWithFiles(30)
            let before = try OpenDescriptor.all().count
            // What waits on its way has a bound too: as many as the process may have open.
            let enemies = try (0..<24).map { _ in try Enemy() }
            try await Bystander().watch {
                for enemy in enemies {
                    enemy.port.start()
                    // One descriptor thirty times, so that it is not us who hold them before they arrive.
                    try await enemy.send(files, [Descriptor](repeating: null, count: 30))
                    try await enemy.send(text("behind"))
                    try await catchUp()
                }
                // Three descriptors for each enemy and its port, and some of the bystander's.
                let held = try OpenDescriptor.all().count - before - 3 * enemies.count
                #expect((512 - 20...512 + 30 + 20).contains(held))
                for enemy in enemies { #expect(enemy.port.closeReason == nil) }
                // What brings no descriptors comes through, also on a port of the enemy's.
                let last = try Enemy()
                try await last.send(text("no files"))
                #expect(try await last.port.take()?.text == "no files")
                try await last.send(files, [Descriptor](repeating: null, count: 30))
                try await last.send(text("end"))
                // All that waited arrives as room is made, to whoever takes it.
                try await withThrowingDiscardingTaskGroup { group in
                    for (port, word) in enemies.map({ ($0.port, "behind") }) + [(last.port, "end")] {
                        group.addTask {
                            // Not the message itself: what has been taken is the program's.
                            let files = try await port.take()?.files.count
                            let text = try await port.take()?.text
                            #expect(files == 30)
                            #expect(text == word)
                        }
                    }
                }
            }
            for enemy in enemies { enemy.port.abandon() }
            #expect(!DescriptorBudget.isSpent)
        }
    }

    @Test("Ports that end while they wait for descriptors are released, although none become free")
    func endedPortsStopWaiting() async {
        await #expect(processExitsWith: .success) {
            let null = try #require(try Loot.files(1).first)
            DescriptorBudget.count(1 << 30)
            weak var line: Line?
            do {
                let enemy = try Enemy()
                line = enemy.port.line
                enemy.port.start()
                try await enemy.send(messageWithFiles(1), [null])
                while enemy.port.line.read({ !$0.waitsForBudget }) { await Task.yield() }
                enemy.port.close()
            }
            for _ in 0..<100 where line != nil { try await catchUp() }
            #expect(line == nil)
            DescriptorBudget.count(-1 << 30)
        }
    }

    @Test("Descriptors that a peer hides from a look at the socket end the port, and take half of all at most")
    func hiddenDescriptorsEndPort() async {
        await #expect(processExitsWith: .success) {
            try limitDescriptors(to: Self.total)
            let null = try #require(try Loot.files(1).first)
            let files = messageWithFiles(30)
            let before = try OpenDescriptor.all().count
            let enemies = try (0..<28).map { _ in try Enemy() }
            for enemy in enemies {
                // A look at what comes next sees what comes after that.
                var offset = Int32(files.count)
                try systemCall("setsockopt") {
                    setsockopt(enemy.copyOfTheirEnd.rawValue, SOL_SOCKET, SO_PEEK_OFF, &offset, 4)
                }
                try await enemy.send(files, [Descriptor](repeating: null, count: 30))
                try await enemy.send(text("behind"))
                enemy.port.start()
                try await catchUp()
            }
            let held = try OpenDescriptor.all().count - before - 3 * enemies.count
            #expect(held <= 512 + 30 + 20)
            #expect(enemies.contains { $0.port.closeReason?.code == .protocolError })
            for enemy in enemies { enemy.port.abandon() }
        }
    }

    @Test("Descriptors that wait in the output of a transferred port are bounded too")
    func descriptorsInOutputAreBounded() async {
        await #expect(processExitsWith: .success) {
            try limitDescriptors(to: Self.total)
            let null = try #require(try Loot.files(1).first)
            var limits = PortLimits()
            limits.linger = .milliseconds(100)
            let enemy = try Enemy(limits: limits)
            let before = try OpenDescriptor.all().count
            var kept: [StreamSocket] = []
            for _ in 0..<6 {
                // Full, and never read: what is to be written on it waits.
                let (near, far) = try StreamSocket.pair()
                kept.append(far)
                for length in [65_536, 1] {
                    let block = [UInt8](repeating: 0, count: length)
                    while sendAtOnce(block, descriptors: [], on: near.descriptor.rawValue) != nil {}
                }
                let waiting = Segment(Array(text("x")), [Descriptor](repeating: null, count: 200))
                let cargo = PortCargo(
                    socket: near, posted: 1, taken: 0, hasFinished: false, input: Segment(), output: [waiting])
                async let sent: Void = enemy.send(
                    Segment(.text, UnsafeRawBufferPointer(start: nil, count: 0), TransferTable([.port(cargo)])))
                // Taken, and let go.
                #expect(try await enemy.port.take() != nil)
                try await sent
                #expect(try OpenDescriptor.all().count - before <= 512 + 253 + 20)
            }
            #expect(enemy.port.closeReason == nil)
            withExtendedLifetime(kept) {}
        }
    }

    @Test("Messages that are refused half-way close their descriptors, ten thousand times")
    func refusedMessagesCloseDescriptors() async throws {
        let null = try #require(try Loot.files(1).first)
        // Two files, a buffer that is none, and a file that is not looked at any more.
        let message = messageWithTable(
            table(Item.file, Item.file, Item.moved(8), Item.file), descriptors: 4)
        try await expectNoDescriptorLeak {
            for _ in 0..<10_000 {
                let enemy = try Enemy()
                enemy.port.start()
                try await enemy.send(message, [Descriptor](repeating: null, count: 4))
                guard try await enemy.port.waitUntilClosed().code == .protocolError else {
                    Issue.record("a broken message was taken")
                    return
                }
            }
        }
        #expect(!DescriptorBudget.isSpent)
    }

    @Test("Room for descriptors goes to the next port that waits, past ports that have ended")
    func roomPassesEndedPorts() async {
        await #expect(processExitsWith: .success) {
            // Whose turn does not come waits for ever.
            alarm(30)
            try limitDescriptors(to: Self.total)
            let null = try #require(try Loot.files(1).first)
            let files = messageWithFiles(100)
            let holders = try (0..<6).map { _ in try Enemy() }
            for holder in holders {
                holder.port.start()
                try await holder.send(files, [Descriptor](repeating: null, count: 100))
            }
            try await catchUp()
            #expect(DescriptorBudget.isSpent)
            let waiting = try (0..<8).map { _ in try Enemy() }
            for enemy in waiting {
                enemy.port.start()
                try await enemy.send(messageWithTable(table(Item.file), descriptors: 1), [null])
                try await catchUp()
            }
            for enemy in waiting.dropLast() { enemy.port.abandon() }
            try await catchUp()
            #expect(DescriptorBudget.isSpent)
            // Makes room once, and no more: what is taken and let go would be closed, one after the other.
            let taken = try await holders.last?.port.take()
            #expect(try await waiting.last?.port.take()?.files.count == 1)
            withExtendedLifetime(taken) {}
        }
    }

    @Test("Ports that end with messages waiting give their descriptors back")
    func endedPortsGiveBackDescriptors() async {
        await #expect(processExitsWith: .success) {
            try limitDescriptors(to: Self.total)
            let null = try #require(try Loot.files(1).first)
            let files = messageWithFiles(100)
            func spend() async throws -> [Enemy] {
                let enemies = try (0..<6).map { _ in try Enemy() }
                for enemy in enemies {
                    enemy.port.start()
                    try await enemy.send(files, [Descriptor](repeating: null, count: 100))
                }
                try await catchUp()
                #expect(DescriptorBudget.isSpent)
                return enemies
            }
            // Closed here, ended by a broken rule, transferred and dropped: each leaves room for the next.
            for enemy in try await spend() { enemy.port.close() }
            Descriptor.waitUntilAllAreClosed()
            #expect(!DescriptorBudget.isSpent)
            do {
                let enemies = try await spend()
                for enemy in enemies { try await enemy.send(FrameHeader.raw(0, length: 0)) }
                for enemy in enemies.prefix(2) {
                    #expect(try await enemy.port.waitUntilClosed().code == .protocolError)
                }
            }
            try await catchUp()
            #expect(!DescriptorBudget.isSpent)
            do {
                let (mine, theirs) = try MessageChannel.makePair()
                for enemy in try await spend() {
                    _ = try? mine.postMessage(.text("", transfer: [.port(enemy.port)]))
                }
                withExtendedLifetime(theirs) {}
            }
            try await catchUp()
            #expect(!DescriptorBudget.isSpent)
        }
    }
}

@Suite("A process that has no descriptors left", .chosenExecutor, .timeLimit(.minutes(1)))
struct NoDescriptorsTests {
    @Test("A process without descriptors left ends a port that receives some, and does not blame the peer")
    func noDescriptorsEndsReceivingPort() async {
        await #expect(processExitsWith: .success) {
            let enemy = try Enemy()
            enemy.port.start()
            let null = try #require(try Loot.files(1).first)
            try await catchUp()
            try limitDescriptors(to: firstFree())
            try await enemy.send(messageWithTable(table(Item.file), descriptors: 1), [null])
            let reason = try await enemy.port.waitUntilClosed()
            try limitDescriptors(to: nil)
            #expect(reason.code.rawValue == "out-of-resources", "\(reason)")
        }
    }

    @Test("A process without descriptors left ends a port that it opens as out of resources, not as unavailable")
    func noDescriptorsEndsOpeningPort() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop.shared
            try limitDescriptors(to: firstFree())
            let reason = MessagePort.opening(on: loop).port.closeReason
            try limitDescriptors(to: nil)
            #expect(reason?.code.rawValue == "out-of-resources", "\(String(describing: reason))")
        }
    }

    @Test("Duplicating a descriptor with none left says what to do; a number that is not open is another error")
    func noDescriptorsFailsDuplicating() async {
        await #expect(processExitsWith: .success) {
            let notOpen = #expect(throws: PortError.self) { try OpenFile(duplicating: -1) }
            #expect(notOpen?.code.rawValue == "not-transferable")
            #expect(notOpen?.message == "descriptor -1 is not open; give the number of an open file")
            try limitDescriptors(to: firstFree())
            let noneLeft = #expect(throws: PortError.self) { try OpenFile(duplicating: 0) }
            try limitDescriptors(to: nil)
            #expect(noneLeft?.code.rawValue == "out-of-resources")
            #expect(noneLeft?.message.contains("ulimit -n") == true, "\(noneLeft?.message ?? "")")
        }
    }

    @Test("A process without descriptors left ends a port that it cannot watch as out of resources")
    func noDescriptorsEndsWatchedPort() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop.shared
            // A file, which the kernel does not watch: that the port cannot be watched is nothing a peer has done. (A
            // number that has been closed will not do, because another thread may be given it.)
            let unwatchable = StreamSocket(try #require(try Loot.files(1).first))
            let reason = MessagePort(adopting: unwatchable, on: loop).closeReason
            #expect(reason?.code.rawValue == "out-of-resources", "\(String(describing: reason))")
        }
    }
}

/// A message that brings so many files.
private func messageWithFiles(_ count: Int) -> [UInt8] {
    messageWithTable(
        table(count: UInt32(count), [UInt8](repeating: Item.file[0], count: count)), descriptors: count)
}

/// The number that the next descriptor will have: all below it are taken.
private func firstFree() throws -> Int {
    let number = try systemCall("dup") { dup(0) }
    close(number)
    return Int(number)
}

/// - Parameter count: nil lifts the limit again. A process that has none left at its end hangs under the address
///   sanitizer, whose last look needs some.
private func limitDescriptors(to count: Int?) throws {
    let resource = __rlimit_resource_t(bitPattern: RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    try systemCall("getrlimit") { getrlimit(resource, &limit) }
    limit.rlim_cur = count.map { rlim_t($0) } ?? limit.rlim_max
    try systemCall("setrlimit") { setrlimit(resource, &limit) }
}

/// Returns when the loop has read what it wants to, and everything that was let go is closed.
private func catchUp() async throws {
    for _ in 0..<5 { await (try EventLoop.shared).catchUp() }
    Descriptor.waitUntilAllAreClosed()
}
