import Testing

@testable import ConnectToMessaging

@Suite("Order and window of sending")
struct SendOrderTests {
    @Test("A message is sent at once while the window is open and a place is there")
    func atOnce() {
        var order = SendOrder<String>()
        #expect(order.sendsAtOnce(cost: 100, needsPlace: false, places: 0) == true)
        #expect(order.sendsAtOnce(cost: 100, needsPlace: true, places: 1) == true)
        #expect(order.sendsAtOnce(cost: 100, needsPlace: true, places: 0) == false)
    }

    @Test("A window of one byte lets the longest message through, and nothing behind it")
    func longMessage() throws {
        var order = SendOrder<String>()
        #expect(order.sendsAtOnce(cost: 65_535, needsPlace: false, places: 0) == true)
        #expect(order.sendsAtOnce(cost: 64 << 20, needsPlace: false, places: 0) == true)
        #expect(order.sendsAtOnce(cost: 1, needsPlace: false, places: 0) == false)
        try order.grant((64 << 20) - 1)
        #expect(order.sendsAtOnce(cost: 1, needsPlace: false, places: 0) == false)
        try order.grant(1)
        #expect(order.sendsAtOnce(cost: 1, needsPlace: false, places: 0) == true)
    }

    @Test("An event behind a request that waits for a place waits too")
    func eventBehindARequest() {
        var order = SendOrder<String>()
        _ = order.append("request", cost: 10, needsPlace: true)
        #expect(order.sendsAtOnce(cost: 10, needsPlace: false, places: 0) == false)
        _ = order.append("event", cost: 10, needsPlace: false)
        #expect(order.next(places: 0) == nil)
        #expect(order.next(places: 1) == "request")
        #expect(order.next(places: 0) == "event")
        #expect(order.next(places: 1) == nil)
        #expect(order.waitingBytes == 0)
    }

    @Test("A message that the program takes back is not sent, wherever it stands")
    func takenBack() {
        var order = SendOrder<String>()
        let tickets = ["a", "b", "c", "d"].map { order.append($0, cost: 1, needsPlace: true) }
        #expect(order.takeBack(tickets[2]) == "c")
        #expect(order.takeBack(tickets[0]) == "a")
        #expect(order.takeBack(tickets[0]) == nil)
        #expect(order.waitingBytes == 2)
        #expect(order.next(places: 1) == "b")
        #expect(order.takeBack(tickets[1]) == nil)
        #expect(order.takeBack(tickets[3]) == "d")
        #expect(order.next(places: 1) == nil)
        #expect(order.sendsAtOnce(cost: 1, needsPlace: false, places: 0) == true)
        #expect(order.takeBack(99) == nil)
    }

    @Test("A hello's window counts what was used before it came")
    func windowOfHello() throws {
        var order = SendOrder<String>()
        #expect(order.sendsAtOnce(cost: 65_536, needsPlace: false, places: 0) == true)
        #expect(order.sendsAtOnce(cost: 1, needsPlace: false, places: 0) == false)
        try order.hello(window: 65_536)
        #expect(order.sendsAtOnce(cost: 1, needsPlace: false, places: 0) == false)
        var other = SendOrder<String>()
        #expect(other.sendsAtOnce(cost: 65_536, needsPlace: false, places: 0) == true)
        try other.hello(window: 65_537)
        #expect(other.sendsAtOnce(cost: 1, needsPlace: false, places: 0) == true)
    }

    @Test("The end of the line names what was never sent")
    func endOfTheLine() {
        var order = SendOrder<String>()
        let first = order.append("a", cost: 1, needsPlace: false)
        _ = order.append("b", cost: 1, needsPlace: false)
        _ = order.takeBack(first)
        #expect(order.end() == ["b"])
        #expect(order.end() == [])
        #expect(order.waitingBytes == 0)
    }

    @Test("Grants of more than 2^63 bytes break the protocol")
    func tooLargeWindow() throws {
        var order = SendOrder<String>()
        try order.hello(window: UInt64(Int64.max))
        #expect(throws: ProtocolViolation.self) { try order.grant(1) }
    }

    @Test("A sender's window and its receiver's agree, whatever is sent and taken")
    func agreesWithTheReceiver() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let size = UInt64.random(in: 65_536...200_000, using: &random)
            var order = SendOrder<Int>()
            var window = ReceiveWindow(size: size)
            try order.hello(window: size)
            var held: [ReceiveWindow.Share] = []
            for _ in 0..<500 {
                let cost = Int.random(in: 16...60_000, using: &random)
                if order.sendsAtOnce(cost: cost, needsPlace: false, places: 0) {
                    held.append(try window.receive(cost: cost))
                } else {
                    // Nothing is held back for ever: when all has been taken, the sender may go on.
                    while let taken = held.popLast() {
                        if let granted = window.take(taken) { try order.grant(Int(granted)) }
                    }
                    #expect(order.sendsAtOnce(cost: 16, needsPlace: false, places: 0) == true)
                    held.append(try window.receive(cost: 16))
                }
            }
        }
    }

    @Test("A message beyond the receiver's window breaks the protocol")
    func beyondTheWindow() throws {
        var window = ReceiveWindow(size: 65_536)
        _ = try window.receive(cost: 65_536)
        #expect(throws: ProtocolViolation.self) { try window.receive(cost: 1) }
    }

    @Test("Of a window that is used up nothing is granted before a handler is done with a message")
    func nothingToGrant() throws {
        var window = ReceiveWindow(size: 65_536)
        let share = try window.receive(cost: 65_536)
        #expect(window.take(.nothing) == nil)
        #expect(window.take(share) == 65_536)
    }

    @Test("What handlers hold of an earlier owner's messages is not granted to the next owner")
    func windowOfTheNextOwner() throws {
        var window = ReceiveWindow(size: 65_536)
        let share = try window.receive(cost: 65_536)
        window.restart()
        #expect(window.isWhole)
        #expect(window.take(share) == nil)
        #expect(window.isWhole)
        _ = try window.receive(cost: 65_536)
        #expect(throws: ProtocolViolation.self) { try window.receive(cost: 1) }
    }
}
