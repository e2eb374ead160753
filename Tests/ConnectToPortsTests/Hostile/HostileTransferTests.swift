import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToPorts

@Suite("A peer that breaks the rules of transfer", .chosenExecutor, .timeLimit(.minutes(1)))
struct HostileTransferTests {
    /// With a table of one item, which one descriptor comes for.
    private static func item(
        _ name: String, _ item: [UInt8], _ descriptors: @escaping @Sendable () throws -> [Descriptor]
    ) -> Attack {
        Attack(name, messageWithTable(table(item), descriptors: 1), descriptors: { [try descriptors()[0]] })
    }

    private static let stream: @Sendable () throws -> [Descriptor] = {
        [try StreamSocket.pair().0.descriptor]
    }

    static let tables: [Attack] = [
        Attack("no table at all", FrameHeader.raw(2, length: 0, flags: 1)),
        Attack("a table that is cut off", messageWithTable([1, 0, 0], descriptors: 0)),
        Attack("a table longer than its frame", messageWithTable(table(), descriptors: 0, size: 5)),
        Attack(
            "a table of four gigabytes", messageWithTable(table(), descriptors: 0, size: Int(UInt32.max))),
        Attack("a table longer than its items", messageWithTable(table() + [0], descriptors: 0)),
        Attack("items that are not there", messageWithTable(table(count: .max), descriptors: 0)),
        Attack("an unknown item", messageWithTable(table([9]), descriptors: 0)),
        Attack("item 0", messageWithTable(table([0]), descriptors: 0)),
        Attack("an item without its descriptor", messageWithTable(table(Item.file), descriptors: 0)),
        Attack("a descriptor without its item", messageWithTable(table(), descriptors: 1)) {
            try Loot.files(1)
        },
        Attack("253 descriptors without items", messageWithTable(table(), descriptors: 253)) {
            try Loot.files(253)
        },
        Attack(
            "more lines that are over than things go with a message",
            messageWithTable(
                table(count: 254, [UInt8](repeatElement(Item.port(flags: Item.over), count: 254).joined())),
                descriptors: 0)),
        item("a port with unknown flags", Item.port(flags: 8), stream),
        item("a port with an extension that is cut off", Item.port(extensionSize: 1), stream),
        item("a port that has more input than the table", Item.port(size: .max), stream),
        item("a port with descriptors that are not there", Item.port(text("x"), descriptors: .max), stream),
        item("a port with output that is not there", Item.port(segmentCount: .max), stream),
        item(
            "a port with output in a million pieces",
            Item.port(segmentCount: 1 << 20)
                + [UInt8](repeatElement([1, 0, 0, 0, 0, 0, 7], count: 1 << 20).joined()), stream),
        item("a port with an empty segment", Item.port(segments: [([], 0)]), stream),
        item("a port with a segment's descriptors missing", Item.port(segments: [([1], 9)]), stream),
    ]

    static let things: [Attack] = [
        item("a port that is a file", Item.port()) { try Loot.files(1) },
        item("a port that is a pipe", Item.port()) { try Loot.pipe() },
        item("a port that is memory", Item.port()) { try Loot.memory(size: 8, seals: Loot.sizeSeals) },
        item("a port that is a datagram socket", Item.port()) { try Loot.socket(AF_INET, SOCK_DGRAM) },
        item("a port that is not connected", Item.port()) { try Loot.socket(AF_UNIX, SOCK_STREAM) },
        item("a port that listens", Item.port()) { try Loot.listener() },
        item("a port that keeps packets apart", Item.port()) { try Loot.datagramPair() },
        item("a buffer that is a device", Item.moved(0)) { try Loot.files(1) },
        item("a buffer that is a pipe", Item.shared(0)) { try Loot.pipe() },
        item("a buffer that is a socket", Item.shared(0), stream),
        item("a moved buffer without seals", Item.moved(4096)) { try Loot.memory(size: 4096, seals: 0) },
        item("a moved buffer that can be written", Item.moved(4096)) {
            try Loot.memory(size: 4096, seals: Loot.sizeSeals)
        },
        item("a shared buffer that can shrink", Item.shared(4096)) {
            try Loot.memory(size: 4096, seals: Loot.allSeals & ~Loot.sizeSeals)
        },
        item("a shared buffer that nobody can write", Item.shared(4096)) {
            try Loot.memory(size: 4096, seals: Loot.allSeals)
        },
        item("a buffer shorter than declared", Item.moved(4097)) {
            try Loot.memory(size: 4096, seals: Loot.allSeals)
        },
        item("a buffer longer than declared", Item.shared(4095)) {
            try Loot.memory(size: 4096, seals: Loot.sizeSeals)
        },
        item("a buffer over the limit, sparse", Item.moved((1 << 30) + 1)) {
            try Loot.memory(size: (1 << 30) + 1, seals: Loot.allSeals)
        },
        item("a buffer of impossible size", Item.moved(.max)) {
            try Loot.memory(size: 8, seals: Loot.allSeals)
        },
    ]

    @Test(
        "A peer that breaks the rules of transfer ends its own port with a protocol error", arguments: tables + things)
    func brokenTransferEndsPort(attack: Attack) async throws {
        try await underAttack { enemy in
            enemy.port.start()
            try await enemy.send(try attack.make())
            #expect(try await enemy.port.waitUntilClosed().code == .protocolError)
            #expect(try await enemy.readToEnd() == [])
        }
    }

    @Test("A received buffer that is one great hole takes no memory before it is read")
    func sparseBufferTakesNoMemory() async throws {
        try await underAttack { enemy in
            let hole = try Loot.memory(size: 1 << 30, seals: Loot.allSeals)
            try await enemy.send(messageWithTable(table(Item.moved(1 << 30)), descriptors: 1), hole)
            var messages = enemy.port.messages.makeAsyncIterator()
            let buffer = try #require(try await messages.next()?.buffers.first)
            #expect(buffer.count == 1 << 30)
            #expect(buffer.withUnsafeBytes { $0[1 << 29] } == 0)
            // Nobody can take it from under the reader's feet.
            #expect(ftruncate(hole[0].rawValue, 0) == -1)
        }
    }

    @Test("253 files in one message arrive, and more in several messages")
    func manyFilesArrive() async throws {
        try await underAttack { enemy in
            let full = messageWithTable(
                table(count: 253, [UInt8](repeating: Item.file[0], count: 253)), descriptors: 253)
            var messages = enemy.port.messages.makeAsyncIterator()
            for _ in 0..<3 {
                try await enemy.send(full, try Loot.files(253))
                #expect(try await messages.next()?.files.count == 253)
            }
        }
    }
}
