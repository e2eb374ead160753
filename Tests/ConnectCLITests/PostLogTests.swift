import ConnectTo
import Testing

@testable import ConnectCLI

@Suite("The log of messages that listen still has to post") struct PostLogTests {
    private var log = PostLog()

    private func lines(_ count: Int, of length: Int = 0) -> [MessageContent] {
        Array(repeating: .bytes([UInt8](repeating: 0, count: length)), count: count)
    }

    /// Lets a port take all there is; how many messages that were.
    private mutating func drain(_ port: Int) -> Int {
        var count = 0
        while case .post(let batch)? = log.next(for: port) { count += batch.count }
        return count
    }

    @Test("The post log gives each port what comes after it was added, at its own pace")
    mutating func eachPortReadsAtItsOwnPace() {
        log.add(1)
        log.append(lines(2), for: nil)
        log.add(2)
        log.append(lines(3), for: nil)
        #expect(drain(2) == 3)
        #expect(drain(2) == 0)
        #expect(drain(1) == 5)
    }

    @Test("The post log keeps what came without a port for the first port")
    mutating func firstPortGetsWhatCameBefore() {
        log.append(lines(2), for: nil)
        #expect(log.hasUngiven)
        log.add(1)
        log.add(2)
        #expect(drain(1) == 2)
        #expect(drain(2) == 0)
        #expect(!log.hasUngiven)
    }

    @Test("The post log keeps for the next port what the last one was not given")
    mutating func nextPortGetsWhatTheLastDidNotTake() {
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

    @Test("The post log gives a message for one port to that port alone, and knows when it is lost")
    mutating func messageForOnePortGoesToItAlone() {
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

    @Test("The post log drops messages for a port that has ended, also behind ones for the next port")
    mutating func messageForAnEndedPortIsDropped() {
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

    @Test("The post log holds its limit for the slowest port, and one post that is longer")
    mutating func holdsItsLimitForTheSlowestPort() {
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

    @Test("The post log counts empty text lines towards its limit")
    mutating func emptyLinesCount() {
        log.add(1)
        log.append(lines(PostLog.limit / 64), for: nil)
        #expect(!log.hasRoom(for: lines(1)))
    }

    @Test("The post log gives short messages together and a long one alone")
    mutating func shortMessagesComeTogether() {
        log.add(1)
        log.append(lines(1000, of: 1000) + lines(1, of: 100_000) + lines(1), for: nil)
        var sizes: [Int] = []
        while case .post(let batch)? = log.next(for: 1) { sizes.append(batch.count) }
        #expect(sizes.reduce(0, +) == 1002)
        #expect(sizes.suffix(2) == [1, 1])
        #expect(sizes.dropLast(2).allSatisfy { $0 < 100 })
    }

    @Test("The post log closes a port after the messages for it")
    mutating func closeComesBehindTheMessages() {
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
