@testable import ConnectToMessaging

/// The tables of a line of calls, between a peer and a program that both do what the input says.
///
/// Beside them everything is counted in the plainest way, and both must come to the same.
func fuzzCalls(_ source: consuming ByteSource) {
    var source = source
    var line = CountedLine(places: 1 + Int(source.byte() & 3))
    while !source.isAtEnd {
        let step = source.byte()
        if step & 8 == 0 {
            guard line.receive(source.envelope(step)) else { break }
        } else {
            line.act(step & 7, Int(source.byte()))
        }
        line.check()
    }
    line.end()
}

extension ByteSource {
    /// Mostly what it should be; whatever it is, it is read as bytes from a peer are.
    fileprivate mutating func envelope(_ step: UInt8) -> (Envelope, cost: Int)? {
        let isHello = step & 7 == 0
        let isFailure = step & 7 == 4
        var message: [UInt8] = [1 + step & 7, step >> 4 & 3, byte(), 0]
        let number = isFailure ? byte() & 15 : byte()
        let id = byte()
        // The last few are very large.
        message += number < 0xF0 ? [number, 0, 0, 0] : [0xFF, 0xFF, 0xFF, number & 0x7F]
        message += isHello ? [0, 0, id, 0, 0, 0, 0, id < 0xF0 ? 0 : 0x7F] : [id, 0, 0, 0, 0, 0, 0, 0]
        let name = bytes(Int(step >> 6))
        message[3] = UInt8(name.count)
        message += name
        if isFailure { message += [UInt8](repeating: 0x20, count: Int(number)) }
        if let (envelope, _) = message.withUnsafeBytes({ try? Envelope.decode($0) }) {
            // A byte of the input stands for a few hundred of a body.
            return (envelope, cost: message.count + 300 * Int(byte()))
        }
        return nil
    }
}

/// A line's tables, and what must hold of them.
private struct CountedLine {
    private enum Outgoing: Equatable {
        case request(Int, wantsMany: Bool)
        case event(Int)
    }
    private struct Waiting {
        var ticket: UInt64
        var item: Outgoing
        var cost: Int
    }
    /// A request that is under way, in either direction.
    private struct UnderWay {
        /// Nil where the program has given up, or the handler has not started.
        var program: Int?
        var elements: Int?
        var share: ReceiveWindow.Share?
        /// What the line calls a request of the peer.
        var key: UInt64 = 0
        var keepsPlace = false
        var isCancelled = false
    }

    private static let window = 65_536
    private static let largest = 300 * 256

    private var made = CallsMade<Int>()
    private var served: CallsServed<Int>
    private var order = SendOrder<Outgoing>()
    private var window = ReceiveWindow(size: UInt64(Self.window))

    // What the program asks: how much the peer takes, what waits for that, and what has been sent.
    private var granted = 1
    private var grantedBytes = 65_536
    private var waiting: [Waiting] = []
    private var sent: [UInt64: UnderWay] = [:]
    private var lastSent: UInt64 = 0
    private var count = 0

    // What the peer asks.
    private let places: Int
    private var arrived: [UInt64: UnderWay] = [:]
    private var lastArrived: UInt64 = 0
    /// Events that are being handled, and those among them that a former owner of the peer's end has sent.
    private var events: [ReceiveWindow.Share] = []
    private var formerEvents: [ReceiveWindow.Share] = []
    /// What handlers have done with, and the peer has not been granted again.
    private var owed = 0
    private var hasGreeted = false

    init(places: Int) {
        self.places = places
        served = CallsServed(places: UInt32(places))
    }

    private var heldBytes: Int {
        arrived.values.reduce(0) { $0 + ($1.share?.cost ?? 0) } + events.reduce(0) { $0 + $1.cost }
    }
    private var isIdle: Bool { sent.isEmpty && arrived.isEmpty }
    private var isPlaceFree: Bool { arrived.values.count { !$0.keepsPlace } < places }
    private var isWindowOpen: Bool { heldBytes + owed < Self.window }

    func check() {
        expect(made.places == granted && granted >= 0, "\(made.places) places, and \(granted) were granted")
        expect(made.count == sent.count, "\(made.count) requests sent, not \(sent.count)")
        expect(served.count == arrived.count, "\(served.count) requests served, not \(arrived.count)")
        expect(order.waitingBytes == waiting.reduce(0) { $0 + $1.cost }, "other bytes than those that wait")
        expect(heldBytes < Self.window + Self.largest, "more bytes held than the window and a message")
        expect(arrived.count <= places + CallsServed<Int>.waitingLimit, "more requests served than may be")
    }

    // MARK: The peer

    /// - Returns: whether the line goes on: it ends where the peer breaks a rule, and nowhere else.
    mutating func receive(_ message: (Envelope, cost: Int)?) -> Bool {
        guard let (envelope, cost) = message else { return false }
        planted(hasCapital(envelope))
        let isAllowed = allows(envelope.operation)
        do throws(ProtocolViolation) {
            try apply(envelope.operation, cost: cost)
            expect(isAllowed, "\(envelope) breaks a rule and was taken")
            return true
        } catch {
            expect(!isAllowed, "\(envelope) breaks no rule, and was refused: \(error.rule)")
            return false
        }
    }

    private func allows(_ operation: Envelope.Operation) -> Bool {
        switch operation {
        case .hello(let hello):
            hasGreeted
                ? isIdle
                : granted + sent.count + Int(hello.places) - 1 <= Int(Int32.max)
                    && !grantedBytes.addingReportingOverflow(Int(hello.window) - 65_536).overflow
        case .request(let id, _, _, _): id > lastArrived && isPlaceFree && isWindowOpen
        case .event: isWindowOpen
        case .element(let id): sent[id]?.elements ?? 0 > 0
        case .result(let id, _), .failure(let id, _, _, _): sent[id] != nil
        case .cancel(let id): id <= lastArrived
        case .grant(.places(let places)): granted + sent.count + Int(places) <= Int(Int32.max)
        case .grant(.window(let bytes)): !grantedBytes.addingReportingOverflow(Int(bytes)).overflow
        case .grant(.elements(let elements, let id)):
            id <= lastArrived
                && arrived[id].map { $0.elements.map { $0 + Int(elements) <= Int(Int32.max) } ?? false } ?? true
        default: true
        }
    }

    private mutating func apply(_ operation: Envelope.Operation, cost: Int) throws(ProtocolViolation) {
        switch operation {
        case .hello(let hello):
            if hasGreeted { try restart() }
            hasGreeted = true
            try made.hello(places: hello.places)
            try order.hello(window: hello.window)
            granted += Int(hello.places) - 1
            grantedBytes += Int(hello.window) - 65_536
            sendWaiting()
        case .request(let id, _, _, let wantsMany):
            let key = try served.begin(id, wantsMany: wantsMany)
            let share = try window.receive(cost: cost)
            arrived[id] = UnderWay(elements: wantsMany ? 16 : nil, share: share, key: key)
            lastArrived = id
        case .event:
            events.append(try window.receive(cost: cost))
        case .element(let id):
            let caller = try made.element(id)
            expect(caller == sent[id]?.program, "an element went to another caller")
            sent[id]?.elements? -= 1
        case .result(let id, let keepsPlace), .failure(let id, _, _, let keepsPlace):
            let caller = try made.answer(id, keepsPlace: keepsPlace)
            let call = sent.removeValue(forKey: id)
            expect(caller == call?.program, "an answer went to another caller")
            if !keepsPlace { granted += 1 }
            sendWaiting()
        case .cancel(let id):
            let handler = try served.cancel(id)
            expect(handler == arrived[id]?.program, "a cancel went to another handler")
            arrived[id]?.isCancelled = true
        case .grant(.places(let places)):
            try made.grantPlaces(places)
            granted += Int(places)
            sendWaiting()
        case .grant(.window(let bytes)):
            try order.grant(Int(bytes))
            grantedBytes += Int(bytes)
            sendWaiting()
        case .grant(.elements(let elements, let id)):
            let handler = try served.grantElements(elements, of: id)
            expect(handler == arrived[id]?.program, "a grant went to another handler")
            arrived[id]?.elements? += Int(elements)
        default:
            break
        }
    }

    /// The peer's end has a new owner, whose hello this is.
    private mutating func restart() throws(ProtocolViolation) {
        guard isIdle else { throw ProtocolViolation("a second hello") }
        made.restart()
        served.restart(places: UInt32(places))
        order.restart()
        window.restart()
        (granted, grantedBytes, lastArrived, owed) = (1, 65_536, 0, 0)
        formerEvents += events
        events = []
    }

    // MARK: The program

    mutating func act(_ step: UInt8, _ choice: Int) {
        switch step {
        case 0, 1, 2: post(wantsMany: step == 1, isEvent: step == 2, cost: 1 + 100 * choice)
        case 3: giveUp(choice)
        default:
            guard !arrived.isEmpty else {
                if !formerEvents.isEmpty {
                    expect(window.take(formerEvents.removeFirst()) == nil, "a former owner's window is given back")
                } else if !events.isEmpty {
                    take(events.removeFirst())
                }
                return
            }
            let id = arrived.keys.sorted()[choice % arrived.count]
            let key = arrived[id]!.key
            switch step {
            case 4:
                count += 1
                expect(served.started(key, count) == !arrived[id]!.isCancelled, "a cancel before the start was lost")
                arrived[id]?.program = count
            case 5: answer(id)
            case 6:
                let isGiven = served.givePlaceBack(key)
                expect(isGiven == !arrived[id]!.keepsPlace, "a place was given back twice, or not at all")
                arrived[id]?.keepsPlace = true
            default:
                let call = arrived[id]!
                let mayGo = !call.isCancelled && call.elements != nil
                switch served.sendElement(key) {
                case .send: expect(mayGo && call.elements! > 0, "an element too many")
                case .wait: expect(mayGo && call.elements == 0 && served.hasNoWindow(key), "waits for nothing")
                case .ended: expect(!mayGo, "a stream ended by itself")
                }
                if mayGo, call.elements! > 0 { arrived[id]?.elements? -= 1 }
            }
        }
    }

    private mutating func post(wantsMany: Bool, isEvent: Bool, cost: Int) {
        count += 1
        let item: Outgoing = isEvent ? .event(count) : .request(count, wantsMany: wantsMany)
        if order.sendsAtOnce(cost: cost, needsPlace: !isEvent, places: made.places) {
            expect(waiting.isEmpty, "something overtook what waits")
            send(item, cost: cost)
        } else {
            let ticket = order.append(item, cost: cost, needsPlace: !isEvent)
            waiting.append(Waiting(ticket: ticket, item: item, cost: cost))
        }
    }

    private mutating func send(_ item: Outgoing, cost: Int) {
        expect(grantedBytes > 0, "sent without a window")
        grantedBytes -= cost
        guard case .request(let caller, let wantsMany) = item else { return }
        expect(granted > 0, "sent without a place")
        let id = made.begin(caller, wantsMany: wantsMany)
        expect(id > lastSent, "an id that does not grow")
        lastSent = id
        granted -= 1
        sent[id] = UnderWay(program: caller, elements: wantsMany ? 16 : nil)
    }

    private mutating func sendWaiting() {
        while let item = order.next(places: made.places) {
            expect(waiting.first?.item == item, "sent out of order, or what was given up")
            let cost = waiting.isEmpty ? 0 : waiting.removeFirst().cost
            send(item, cost: cost)
        }
        guard let first = waiting.first else { return }
        let needsPlace = if case .request = first.item { true } else { false }
        expect(grantedBytes <= 0 || needsPlace && granted == 0, "something waits for nothing")
    }

    private mutating func giveUp(_ choice: Int) {
        if !waiting.isEmpty, choice & 1 == 0 {
            let given = waiting.remove(at: choice / 2 % waiting.count)
            expect(order.takeBack(given.ticket) == given.item, "what waits could not be taken back")
            expect(order.takeBack(given.ticket) == nil, "something was taken back twice")
            sendWaiting()
        } else if !sent.isEmpty {
            let id = sent.keys.sorted()[choice / 2 % sent.count]
            expect(made.giveUp(id) == sent[id]?.program, "another caller has given up")
            sent[id]?.program = nil
            expect(!made.grantElements(8, of: id), "more is granted of what was given up")
        }
    }

    private mutating func answer(_ id: UInt64) {
        guard let call = arrived.removeValue(forKey: id) else { return }
        let answer = served.answer(call.key)
        expect(answer?.keepsPlace == call.keepsPlace, "an answer says something else of the place")
        expect(answer?.wantsMany == (call.elements != nil), "an answer says something else of the stream")
        expect(served.answer(call.key) == nil, "a request was answered twice")
        if let share = call.share { take(share) }
    }

    private mutating func take(_ share: ReceiveWindow.Share) {
        owed += share.cost
        guard let bytes = window.take(share) else { return }
        expect(bytes > 0 && Int(bytes) <= owed, "more is granted than was taken")
        owed -= Int(bytes)
    }

    mutating func end() {
        expect(Set(made.end()) == Set(sent.values.compactMap(\.program)), "a caller is not told of the end")
        expect(order.end() == waiting.map(\.item), "what waits is not told of the end")
        expect(Set(served.end()) == Set(arrived.values.compactMap(\.program)), "a handler is not told of the end")
        expect(made.isEmpty && served.count == 0 && order.waitingBytes == 0, "something stays behind the end")
    }
}
