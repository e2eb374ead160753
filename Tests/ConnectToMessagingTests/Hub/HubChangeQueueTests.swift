import ConnectTo
import ConnectToLinux
import Testing

@testable import ConnectToMessaging

@Suite("The changes that a loop over a hub has not taken", .timeLimit(.minutes(1)))
struct HubChangeQueueTests {
    private func peer(_ number: Int) -> HubPeer {
        HubPeer(id: "\(number)", identity: nil, since: .now, serial: UInt64(number))
    }

    @Test("Changes come in their order, and the end behind the last one")
    func order() async {
        let reason = CloseReason(.closed, detail: "done")
        let queue = HubChangeQueue([.connected(peer(1))])
        queue.append(.connected(peer(2)))
        queue.append(.disconnected(peer(1), reason))
        queue.end()
        var changes: [HubChange] = []
        while let change = await queue.next() { changes.append(change) }
        #expect(changes == [.connected(peer(1)), .connected(peer(2)), .disconnected(peer(1), reason)])
    }

    @Test("Above the limit a peer that has come and gone unseen is left out, and every other change is kept")
    func slowLoop() async {
        let reason = CloseReason(.closed, detail: "done")
        let queue = HubChangeQueue([.connected(peer(0))])
        for number in 1...10_000 {
            queue.append(.connected(peer(number)))
            if number % 10 != 0 { queue.append(.disconnected(peer(number), reason)) }
        }
        queue.append(.disconnected(peer(0), reason))
        queue.end()
        var present: Set<HubPeer> = []
        var count = 0
        while let change = await queue.next() {
            count += 1
            switch change {
            case .connected(let peer): #expect(present.insert(peer).inserted)
            case .disconnected(let peer, _): #expect(present.remove(peer) != nil)
            }
        }
        #expect(present == Set((1...1_000).map { peer($0 * 10) }))
        #expect(count < HubChangeQueue.limit + 1_000)
    }

    @Test("A loop that waits takes what comes, and ends when its task is cancelled")
    func waiting() async {
        let queue = HubChangeQueue([])
        let (first, second) = (Gate(), Gate())
        let task = Task {
            let change = await queue.next()
            await first.open()
            let none = await queue.next()
            await second.open()
            return (change, none)
        }
        queue.append(.connected(peer(1)))
        queue.wake()
        await first.wait()
        task.cancel()
        await second.wait()
        let (change, none) = await task.value
        #expect(change == .connected(peer(1)))
        #expect(none == nil)
    }
}
