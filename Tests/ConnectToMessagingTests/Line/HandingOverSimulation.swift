import ConnectToTestSupport
import Testing

@testable import ConnectToMessaging

/// Both sides of a line without sockets: the tables of ``CallLine``, and two queues of words between them.
@Suite("Handing over, simulated")
struct HandingOverSimulation {
    @Test(
        "Whatever the sides do, and whenever they hand their ends over, all arrives once and in order",
        arguments: 0..<20)
    func random(round: UInt64) throws {
        let seed = UInt64.random(in: 0 ... .max) &+ round
        var chance = Seeded(seed)
        var owners = 0
        for _ in 0..<50 {
            var line = Line()
            do {
                for _ in 0..<600 { try line.doSomething(&chance) }
                try line.comeToAnEnd()
            } catch {
                Issue.record("\(error), seed \(seed)")
            }
            for side in 0...1 {
                #expect(line.received[side] == Array(0..<line.made[1 - side]), "seed \(seed)")
            }
            owners += line.owners
        }
        #expect(owners > 20, "the simulation hands too little over; seed \(seed)")
    }
}

private struct Line {
    enum Word {
        case hello
        case request(UInt64, Int)
        case event(Int)
        case result(UInt64)
        case cancel(UInt64)
        case grant(UInt32)
        case rest(Envelope.Rest)
    }

    enum Item {
        case request(Int)
        case event(Int)
    }

    /// One owner of an end.
    struct Side {
        static let cost = 20_000

        var rest = LineRest()
        var calls = CallsMade<Int>()
        var served = CallsServed<Int>(places: 3)
        var order = SendOrder<Item>()
        var window = ReceiveWindow(size: 65_536)
        var hasHello = false
        /// Handlers that run: of requests, and of events.
        var handlers: [(key: UInt64, id: UInt64, ReceiveWindow.Share)] = []
        var events: [ReceiveWindow.Share] = []

        var isAtRest: Bool {
            rest.isAgreed && calls.isEmpty && served.count == 0 && window.isWhole && order.isEmpty
        }
    }

    var sides = [Side(), Side()]
    /// What is on its way to each side.
    var wires: [[Word]] = [[.hello], [.hello]]
    /// How many items each side has made, over all its owners.
    var made = [0, 0]
    /// The numbers that each side has received.
    var received: [[Int]] = [[], []]
    var owners = 0
    /// The ids that the present owners have used.
    private var ids: [[UInt64]] = [[], []]

    mutating func doSomething(_ chance: inout Seeded) throws {
        let me = Int.random(in: 0...1, using: &chance)
        switch Int.random(in: 0..<16, using: &chance) {
        case 0: for _ in 0..<Int.random(in: 1...4, using: &chance) { make(isRequest: .random(using: &chance), me) }
        case 1...6: try deliver(me)
        case 7...10: endHandler(me, &chance)
        case 11:
            if !sides[me].rest.isWanted {
                sides[me].rest.want()
                say(.rest(.wanted), me)
            } else if Int.random(in: 0..<10, using: &chance) == 0 {
                takeBack(me)
            }
        case 12:
            // Given up while it is under way; the callee still answers.
            if let id = ids[me].randomElement(using: &chance), sides[me].calls.giveUp(id) != nil {
                say(.cancel(id), me)
            }
        default: handOver(me)
        }
    }

    /// Nobody wants a rest any more, and everything ends.
    mutating func comeToAnEnd() throws {
        for me in 0...1 where sides[me].rest.isWanted { takeBack(me) }
        var chance = Seeded(0)
        while wires.contains(where: { !$0.isEmpty })
            || sides.contains(where: { !$0.handlers.isEmpty || !$0.events.isEmpty })
        {
            for me in 0...1 {
                try deliver(me)
                endHandler(me, &chance)
            }
        }
    }

    private mutating func make(isRequest: Bool, _ me: Int) {
        _ = sides[me].order.append(
            isRequest ? .request(made[me]) : .event(made[me]), cost: Side.cost, needsPlace: isRequest)
        made[me] += 1
        send(me)
    }

    private mutating func say(_ word: Word, _ me: Int) {
        wires[1 - me].append(word)
    }

    private mutating func send(_ me: Int) {
        while !sides[me].rest.isHeld, let item = sides[me].order.next(places: sides[me].calls.places) {
            switch item {
            case .event(let number): say(.event(number), me)
            case .request(let number):
                let id = sides[me].calls.begin(number, wantsMany: false)
                ids[me].append(id)
                say(.request(id, number), me)
            }
        }
    }

    private mutating func takeBack(_ me: Int) {
        sides[me].rest.takeBack()
        say(.rest(.over), me)
    }

    private mutating func handOver(_ me: Int) {
        guard sides[me].isAtRest else { return }
        sides[me] = Side()
        ids[me] = []
        owners += 1
        say(.hello, me)
    }

    private mutating func endHandler(_ me: Int, _ chance: inout Seeded) {
        var granted: UInt32?
        if !sides[me].handlers.isEmpty {
            let index = Int.random(in: 0..<sides[me].handlers.count, using: &chance)
            let (key, id, share) = sides[me].handlers.remove(at: index)
            if sides[me].served.answer(key) != nil { say(.result(id), me) }
            granted = sides[me].window.take(share)
        } else if !sides[me].events.isEmpty {
            granted = sides[me].window.take(sides[me].events.removeFirst())
        }
        if let granted { say(.grant(granted), me) }
    }

    private mutating func deliver(_ me: Int) throws {
        if wires[me].isEmpty { return }
        let word = wires[me].removeFirst()
        if !sides[me].hasHello {
            switch word {
            case .hello: break
            case .cancel, .grant, .rest: return
            default: throw ProtocolViolation("\(word) before hello")
            }
        }
        switch word {
        case .hello:
            if sides[me].hasHello {
                let wantsRest = try sides[me].rest.begin()
                guard sides[me].calls.isEmpty, sides[me].served.count == 0 else { throw ProtocolViolation("under way") }
                sides[me].calls.restart()
                sides[me].order.restart()
                sides[me].served.restart(places: 3)
                sides[me].window.restart()
                say(.hello, me)
                if wantsRest { say(.rest(.wanted), me) }
            }
            sides[me].hasHello = true
            try sides[me].calls.hello(places: 3)
            try sides[me].order.hello(window: 65_536)
        case .request(let id, let number):
            if sides[me].rest.isAgreed { throw ProtocolViolation("a request in a rest") }
            let key = try sides[me].served.begin(id, wantsMany: false)
            sides[me].handlers.append((key, id, try sides[me].window.receive(cost: Side.cost)))
            received[me].append(number)
        case .event(let number):
            if sides[me].rest.isAgreed { throw ProtocolViolation("an event in a rest") }
            sides[me].events.append(try sides[me].window.receive(cost: Side.cost))
            received[me].append(number)
        case .result(let id): _ = try sides[me].calls.answer(id, keepsPlace: false)
        case .cancel(let id): _ = try sides[me].served.cancel(id)
        case .grant(let count): try sides[me].order.grant(Int(count))
        case .rest(let word): if try sides[me].rest.receive(word) { say(.rest(.agreed), me) }
        }
        send(me)
    }
}
