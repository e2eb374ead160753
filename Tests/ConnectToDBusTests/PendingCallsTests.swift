import ConnectToLinux
import Testing

@testable import ConnectToDBus

@Suite(.timeLimit(.minutes(1)))
struct PendingCallsTests {
    private func call(_ destination: String, replier: String?, _ log: Log<String> = Log()) throws
        -> PendingCalls.Call
    {
        let timer = try Loop.shared.schedule(after: .seconds(60)) {}
        timer.cancel()
        return PendingCalls.Call(
            replier: replier, destination: destination, member: "M", timer: timer,
            completion: { _ in log.add(destination) })
    }

    @Test("A reply counts only if the callee or the bus sent it")
    func forgedReply() throws {
        var calls = PendingCalls()
        calls.insert(try call(":1.1", replier: ":1.1"), serial: 7)
        let tries: [(UInt32, String)] = [(7, ":1.2"), (8, ":1.1"), (7, ":1.1"), (7, ":1.1")]
        let counted = tries.map { calls.remove(repliedTo: $0, by: $1) != nil }
        #expect(counted == [false, false, true, false])
        calls.insert(try call(":1.1", replier: ":1.1"), serial: 9)
        let fromBus = calls.remove(repliedTo: 9, by: BusName.bus)
        #expect(fromBus != nil)
    }

    @Test("A reply to a call of a well-known name counts whichever connection sent it")
    func replyToWellKnownName() throws {
        var calls = PendingCalls()
        calls.insert(try call("org.example.A", replier: nil), serial: 1)
        let removed = calls.remove(repliedTo: 1, by: ":1.9")
        #expect(removed != nil)
    }

    @Test("Pending calls are removed in the order of their serial numbers")
    func removedInOrder() throws {
        var calls = PendingCalls()
        for serial in (UInt32(1)...50).shuffled() {
            calls.insert(try call("\(serial)", replier: nil), serial: serial)
        }
        let all = calls.removeAll().map(\.destination)
        #expect(all == (1...50).map { "\($0)" })
        #expect(calls.count == 0)
    }
}
