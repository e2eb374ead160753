import ConnectToLinux
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectToPorts

/// A healthy line and a timer on the same loop, which must notice nothing of an attack.
final class Bystander: Sendable {
    /// A machine under load may be late by much; a loop that is stuck is late for ever.
    private static let patience = Duration.seconds(5)

    private let channel: MessageChannel
    private let reactor: Reactor
    private let isOver = Lock(false)
    private let ticks = Lock((count: 0, last: ContinuousClock.now, worst: Duration.zero))

    init() throws {
        channel = try MessageChannel()
        reactor = try EventLoop.shared.reactor
        tick()
    }

    private func tick() {
        reactor.schedule(after: .milliseconds(5)) { [self] in
            ticks.withLock { ticks in
                let now = ContinuousClock.now
                ticks.worst = max(ticks.worst, now - ticks.last)
                ticks.last = now
                ticks.count += 1
            }
            if !isOver.withLock({ $0 }) { tick() }
        }
    }

    /// Passes messages to and fro until the other closure is done.
    func watch(_ attack: () async throws -> Void) async throws {
        let echo = Task { [channel] in
            for try await message in channel.port2.messages { try channel.port2.postMessage(message.bytes) }
        }
        let rounds = Task { [self] in
            var answers = channel.port1.messages.makeAsyncIterator()
            var round = 0
            while round == 0 || !isOver.withLock({ $0 }) {
                try channel.port1.postMessage("\(round)")
                guard try await answers.next()?.bytes == Array("\(round)".utf8) else { return -1 }
                round += 1
            }
            return round
        }
        var failure: (any Error)?
        do { try await attack() } catch { failure = error }
        // Before anything that has to wait for threads of other tests.
        let longest = ticks.withLock { max($0.worst, .now - $0.last) }
        isOver.withLock { $0 = true }
        #expect(try await rounds.value > 0)
        #expect(channel.port1.closeReason == nil)
        #expect(channel.port2.closeReason == nil)
        channel.port1.close()
        try await echo.value
        #expect(longest < Self.patience)
        if let failure { throw failure }
    }
}

/// Lets an enemy loose while a healthy line runs beside, and counts the descriptors afterwards.
func underAttack(
    limits: PortLimits = PortLimits(), _ attack: (Enemy) async throws -> Void
) async throws {
    try await expectNoDescriptorLeak {
        try await Bystander().watch {
            try await attack(try Enemy(limits: limits))
        }
    }
}

/// The most memory that this process has ever had, in MiB. For a process of a test's own.
func peakMemory() throws -> Int { try kibibytes("VmHWM:") >> 10 }

/// How much address space this process has now, in bytes.
func addressSpace() throws -> Int { try kibibytes("VmSize:") << 10 }

private func kibibytes(_ key: String) throws -> Int {
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    let file = try Descriptor(adopting: systemCall("open") { open("/proc/self/status", O_RDONLY) })
    let count = try bytes.withUnsafeMutableBytes { buffer in
        try systemCall("read") { read(file.rawValue, buffer.baseAddress, buffer.count) }
    }
    let words = String(decoding: bytes.prefix(count), as: UTF8.self).split(whereSeparator: \.isWhitespace)
    let index = try #require(words.firstIndex { $0 == key })
    return try #require(Int(words[index + 1]))
}
