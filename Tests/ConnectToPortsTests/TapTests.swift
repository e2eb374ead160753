import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("The copies of messages for observers", .chosenExecutor, .timeLimit(.minutes(1)))
struct TapTests {
    @Test("The copy after a gap tells an observer how many messages were left out")
    func observerLearnsOfGapBehindIt() throws {
        let loop = try EventLoop.makeDrivenByForeignLoop()
        let tap = Tap(on: loop)
        let (near, far) = try MessageChannel.makePair(on: loop)
        let records = Records()
        far.onMessage { records.add(TappedMessage($0.bytes)) }
        #expect(tap.add(near))
        func record(_ number: UInt8) {
            let payload = [UInt8](repeating: number, count: Tap.copyLimit)
            payload.withUnsafeBytes { tap.record(.sent, line: 1, .bytes, $0, transferred: 0) }
        }
        // 15 are a little less than 1 MiB: two are left out, and there is room again only when the loop was turned.
        for number in 0..<17 { record(UInt8(number)) }
        while records.all.count < 15 { loop.runReady() }
        record(17)
        record(18)
        while records.all.count < 17 { loop.runReady() }
        #expect(records.all.map(\.payload.first) == Array(0..<15) + [17, 18])
        #expect(records.all.map(\.missedCount) == [Int](repeating: 0, count: 15) + [2, 0])
        near.close()
        while far.closeReason == nil { loop.runReady() }
        loop.runReady()
    }
}

private final class Records: Sendable {
    private let records = Lock<[TappedMessage]>([])

    var all: [TappedMessage] { records.withLock { $0 } }

    func add(_ record: TappedMessage?) {
        if let record { records.withLock { $0.append(record) } }
    }
}
