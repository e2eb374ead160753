import ConnectTo
import Testing

@testable import ConnectCLI

@Suite("The log of what is to be posted") struct PostLogTests {
    private var log = PostLog()

    private func lines(_ count: Int, of length: Int = 0) -> [Payload] {
        Array(repeating: .bytes([UInt8](repeating: 0, count: length)), count: count)
    }

    /// Lets a port take all there is; how many messages that were.
    private mutating func drain(_ port: Int) -> Int {
        var count = 0
        while case .post(let batch)? = log.next(for: port) { count += batch.count }
        return count
    }

    @Test("gives each port what comes from when it is there, in its own time")
    mutating func places() {
        log.add(1)
        log.append(lines(2), for: nil)
        log.add(2)
        log.append(lines(3), for: nil)
        #expect(drain(2) == 3)
        #expect(drain(2) == 0)
        #expect(drain(1) == 5)
    }

    @Test("keeps what came without a port for the first one")
    mutating func kept() {
        log.append(lines(2), for: nil)
        #expect(log.hasUngiven)
        log.add(1)
        log.add(2)
        #expect(drain(1) == 2)
        #expect(drain(2) == 0)
        #expect(!log.hasUngiven)
    }

    @Test("keeps what the last port was not given for the next, and not what it was given")
    mutating func inherited() {
        log.add(1)
        log.append(lines(2), for: nil)
        _ = log.next(for: 1)
        log.append(lines(3), for: nil)
        log.remove(1)
        #expect(log.hasUngiven)
        log.add(2)
        #expect(drain(2) == 3)
        #expect(!log.hasUngiven)
    }

    @Test("What was for one port goes to that alone, and is known to be lost when the port ends before")
    mutating func onePort() {
        log.add(1)
        log.add(2)
        log.append(lines(4), for: 1)
        #expect(drain(2) == 0)
        #expect(log.hasNothing(for: 2))
        #expect(!log.hasNothing(for: 1))
        log.remove(1)
        #expect(log.hasUngiven)
        #expect(drain(2) == 0)
    }

    @Test("forgets what was for a port that has ended, also behind what is kept for the next one")
    mutating func ended() {
        log.add(1)
        log.append(lines(1), for: nil)
        log.append(lines(1), for: 1)
        log.remove(1)
        log.add(2)
        #expect(drain(2) == 1)
        // So long a post has room in an empty log alone.
        let isEmpty = log.hasRoom(for: lines(1, of: PostLog.limit * 2))
        #expect(isEmpty)
    }

    @Test("holds as much as its limit, for the slowest port, and one post that is longer")
    mutating func bound() {
        log.add(1)
        log.add(2)
        var count = 0
        while log.hasRoom(for: lines(1, of: 1 << 20)) {
            log.append(lines(1, of: 1 << 20), for: nil)
            count += 1
        }
        #expect(count == PostLog.limit >> 20 - 1)
        #expect(drain(1) == count)
        #expect(!log.hasRoom(for: lines(1, of: 1 << 20)))
        // It is past a post when it comes for the next.
        #expect(log.next(for: 2) != nil)
        #expect(!log.hasRoom(for: lines(1, of: 1 << 20)))
        #expect(log.next(for: 2) != nil)
        #expect(log.hasRoom(for: lines(1, of: 1 << 20)))
        log.remove(2)
        #expect(log.hasRoom(for: lines(1, of: PostLog.limit * 2)))
    }

    @Test("Empty lines count too")
    mutating func emptyLines() {
        log.add(1)
        log.append(lines(PostLog.limit / 64), for: nil)
        #expect(!log.hasRoom(for: lines(1)))
    }

    @Test("gives short messages together, and a long one alone")
    mutating func handfuls() {
        log.add(1)
        log.append(lines(1000, of: 1000) + lines(1, of: 100_000) + lines(1), for: nil)
        var sizes: [Int] = []
        while case .post(let batch)? = log.next(for: 1) { sizes.append(batch.count) }
        #expect(sizes.reduce(0, +) == 1002)
        #expect(sizes.suffix(2) == [1, 1])
        #expect(sizes.dropLast(2).allSatisfy { $0 < 100 })
    }

    @Test("closes a port behind what was for it")
    mutating func closing() {
        log.add(1)
        log.add(2)
        log.append(lines(1), for: 1)
        log.appendClose(for: 1)
        log.append(lines(1), for: nil)
        #expect(drain(2) == 1)
        guard case .post? = log.next(for: 1), case .close? = log.next(for: 1) else {
            Issue.record("The port has to be given its message, and then closed")
            return
        }
        log.remove(1)
        #expect(drain(2) == 0)
    }
}
