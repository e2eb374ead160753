import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("A peer that breaks the rules of frames", .chosenExecutor, .timeLimit(.minutes(1)))
struct HostileFrameTests {
    static let attacks: [Attack] = [
        Attack("kind 0: memory full of zeros", [UInt8](repeating: 0, count: 100)),
        Attack("an unknown kind", FrameHeader.raw(4, length: 0)),
        Attack("kind 255", FrameHeader.raw(255, length: 1 << 20)),
        Attack("an unknown flag", FrameHeader.raw(2, length: 0, flags: 2)),
        Attack("all flags", FrameHeader.raw(2, length: 0, flags: 255)),
        Attack("a byte over the limit", FrameHeader.raw(1, length: (64 << 20) + 1)),
        Attack("a length of four gigabytes", FrameHeader.raw(1, length: Int(UInt32.max))),
        Attack("a finish with a payload", FrameHeader.raw(16, length: 1) + [0]),
        Attack("a close without a count", FrameHeader.raw(17, length: 0)),
        Attack("a close that is too long", FrameHeader.raw(17, length: 9) + [UInt8](repeating: 0, count: 9)),
        Attack(
            "a close that counts what was never posted",
            FrameHeader.raw(17, length: 8) + [UInt8](repeating: 255, count: 8)),
        Attack("a message after finish", FrameHeader.raw(16, length: 0) + text("x")),
        Attack("a second finish", FrameHeader.raw(16, length: 0) + FrameHeader.raw(16, length: 0)),
        Attack("descriptors without a table", FrameHeader.raw(2, length: 0, descriptors: 1)) {
            try Loot.files(1)
        },
        Attack("a table with a finish", FrameHeader.raw(16, length: 0, flags: 1)),
        Attack("a table with a close", FrameHeader.raw(17, length: 8, flags: 1)),
        Attack(
            "more descriptors than one message may have",
            FrameHeader.raw(2, length: 8, flags: 1, descriptors: 254)
        ) { try Loot.files(253) },
        Attack("a descriptor that no frame declares", text("x")) { try Loot.files(1) },
        Attack("253 descriptors that no frame declares", text("x")) { try Loot.files(253) },
        Attack("a descriptor with the first half of a frame", Array(text("x").dropLast())) {
            try Loot.files(1)
        },
        Attack("a declared descriptor that is missing", messageWithTable(table(Item.file), descriptors: 1)),
        Attack(
            "fewer descriptors than declared",
            messageWithTable(table(Item.file, Item.file), descriptors: 2)
        ) { try Loot.files(1) },
        Attack(
            "more descriptors than declared", messageWithTable(table(Item.file), descriptors: 1)
        ) { try Loot.files(2) },
    ]

    @Test(
        "A peer that breaks the rules of frames ends its own port with a protocol error, after its earlier messages",
        arguments: attacks)
    func brokenFrameEndsPort(attack: Attack) async throws {
        try await underAttack { enemy in
            try await enemy.send(text("before"))
            try await enemy.send(try attack.make())
            // Not read any more, or at least not delivered.
            try await enemy.send(text("after"))
            var messages = enemy.port.messages.makeAsyncIterator()
            var received: [String?] = []
            let error = await #expect(throws: PortError.self) {
                while let message = try await messages.next() { received.append(message.text) }
            }
            #expect(error?.code == .closed)
            #expect(error?.reason?.code == .protocolError)
            // The frame that undeclared descriptors came with may be whole.
            #expect(received.first == "before")
            #expect(!received.contains("after"))
            #expect(try await enemy.port.waitUntilClosed().code == .protocolError)
            // No close frame, and both directions are shut down.
            #expect(try await enemy.readToEnd() == [])
            #expect(try await !enemy.send(text("more")))
            try enemy.port.postMessage("dropped")
        }
    }

    @Test("A peer that breaks the rules of frames ends a port that was not started, too, at the peer's end")
    func brokenFrameEndsUnstartedPort() async throws {
        try await underAttack { enemy in
            try await enemy.send(FrameHeader.raw(0, length: 0))
            enemy.hangUp()
            #expect(try await enemy.port.waitUntilClosed().code == .protocolError)
        }
    }
}
