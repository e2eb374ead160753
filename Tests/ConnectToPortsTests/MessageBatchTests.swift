import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("A batch of messages", .chosenExecutor, .timeLimit(.minutes(1)))
struct MessageBatchTests {
    @Test("A batch arrives message by message, in order, between what is posted before and after it")
    func batchArrivesInOrder() async throws {
        let channel = try MessageChannel()
        var batch = MessageBatch()
        try batch.append("text")
        try batch.append(.bytes([1, 2, 3]))
        try batch.append(.encoding(["json"]))
        try batch.append(.json("{}"))
        #expect((batch.count, batch.size) == (4, 4 * 8 + 4 + 3 + 8 + 2))
        try channel.port1.postMessage("before")
        try channel.port1.postMessages(batch)
        try channel.port1.postMessage("after")
        channel.port1.finish()
        var seen: [String] = []
        for try await message in channel.port2.messages {
            seen.append("\(message.kind) \(message.text ?? "\(message.bytes)")")
        }
        #expect(
            seen == [
                "text before", "text text", "bytes [1, 2, 3]", "json [\"json\"]", "json {}", "text after",
            ])
    }

    @Test("A batch goes to many ports, and each gets what was in it then, whatever is appended later")
    func batchGoesToManyPorts() async throws {
        let channels = try (0..<20).map { _ in try MessageChannel() }
        var batch = MessageBatch()
        // More than the kernel takes: ports keep it.
        for number in 0..<10 { try batch.append(.bytes([UInt8](repeating: UInt8(number), count: 100_000))) }
        for channel in channels { try channel.port1.postMessages(batch) }
        #expect(channels.allSatisfy { $0.port1.bufferedAmount > 0 })
        try batch.append("later")
        var other = batch
        try other.append("only in the copy")
        try channels[0].port1.postMessages(batch)
        for (index, channel) in channels.enumerated() {
            channel.port1.finish()
            var firsts: [UInt8] = []
            for try await message in channel.port2.messages { firsts.append(message.bytes[0]) }
            let again = Array(0..<UInt8(10)) + [UInt8(ascii: "l")]
            #expect(firsts == Array(0..<UInt8(10)) + (index == 0 ? again : []))
        }
    }

    @Test("A batch without room for all of it is not posted at all")
    func batchIsPostedWholeOrNotAtAll() async throws {
        var limits = PortLimits()
        limits.queuedOutput = 1 << 20
        let channel = try MessageChannel(limits: limits)
        var batch = MessageBatch()
        for _ in 0..<10 { try batch.append(.bytes([UInt8](repeating: 7, count: 60_000))) }
        // Nothing is queued, so it has room, whatever its size; the rest has what is left.
        var posted = 0
        while true {
            do throws(PortError) {
                try channel.port1.postMessages(batch)
                posted += 10
            } catch {
                #expect(error.code == .queueFull)
                break
            }
        }
        #expect(channel.port1.postedCount == posted)
        let last = Task {
            try await channel.port1.sendMessages(batch)
            channel.port1.finish()
        }
        var count = 0
        for try await message in channel.port2.messages {
            #expect(message.count == 60_000)
            count += 1
        }
        try await last.joined()
        #expect(count == posted + 10)
    }

    @Test("A batch refuses a message that transfers something, which stays with the program")
    func batchRefusesTransfer() throws {
        var batch = MessageBatch()
        let file = try OpenFile(duplicating: 0)
        let error = #expect(throws: PortError.self) { try batch.append(.text("x", transfer: [.file(file)])) }
        #expect(error?.code == .notTransferable)
        #expect(batch.isEmpty && !file.isDetached)
    }

    @Test("A batch refuses a message that is too long, and posts none of the others")
    func batchRefusesTooLongMessage() async throws {
        var limits = PortLimits()
        limits.messageLength = 100
        let channel = try MessageChannel(limits: limits)
        var batch = MessageBatch()
        try batch.append("short")
        try batch.append(.bytes([UInt8](repeating: 0, count: 101)))
        #expect(throws: PortError.self) { try channel.port1.postMessages(batch) }
        await #expect(throws: PortError.self) { try await channel.port1.sendMessages(batch) }
        #expect(channel.port1.postedCount == 0)
        batch.removeAll()
        #expect(batch.isEmpty)
        try batch.append("again")
        try channel.port1.postMessages(batch)
        #expect(try await channel.port2.take()?.text == "again")
    }
}
