import ConnectTo
import ConnectToFarSide
import ConnectToLinux
import ConnectToMessaging

/// Serves one caller with calls that stay where they are, and says how far they have come.
///
/// - Parameter saysHello: whether it begins at once; otherwise at a cue.
func serveCalls(_ name: String, saysHello: Bool, on address: String, at cues: Cues) async throws {
    let context = try await Bus.at(address).register(name, options: ContextOptions(format: .calls))
    let handlers = CallsSide { say($0) }.makeHandlers()
    say("listening")
    var callers = context.connectEvents.makeAsyncIterator()
    guard let event = try await callers.next() else { return }
    if !saysHello {
        say("before hello")
        await cues.next()
    }
    let messenger = Messenger(event.source, peer: event.peer, handlers: handlers, options: CallsSide.options)
    say("serving")
    try await event.source.waitUntilClosed()
    withExtendedLifetime(messenger) {}
}

/// One program of a ring: answers "pass" with a number by asking the next program with one less, down to 0.
func joinRing(_ name: String, _ number: Int, of count: Int, places: Int, on address: String) async throws {
    let bus = try await Bus.at(address)
    let context = try await bus.register("\(name)\(number)", options: ContextOptions(format: .calls))
    say("listening")
    var options = MessengerOptions()
    options.places = places
    let handlers = Handlers()
    let next = try await bus.messenger(
        to: "\(name)\(number % count + 1)", handlers: handlers, messengerOptions: options)
    handlers.on(Request<Int, Int>("pass"), order: .concurrent) { left, _ in
        left == 0 ? 0 : try await next.request(Request<Int, Int>("pass"), left - 1) + 1
    }
    say("joined")
    var callers: [Messenger] = []
    for try await event in context.connectEvents {
        callers.append(Messenger(event.source, peer: event.peer, handlers: handlers, options: options))
    }
}

/// Goes on with a line of calls that another process hands over, and takes numbers on it.
func inherit(_ name: String, on address: String) async throws {
    let context = try await Bus.at(address).register(name)
    let numbers = Lock<[Int]>([])
    let handlers = Handlers()
    handlers.onEvent("number") { payload, _ in numbers.withLock { $0.append((try? payload.decode()) ?? -1) } }
    handlers.onRequest("number") { payload, _ in
        numbers.withLock { $0.append((try? payload.decode()) ?? -1) }
        return nil
    }
    handlers.onRequest("count") { _, _ in .text("\(min(1_000, numbers.withLock { $0.count }))") }
    handlers.onRequest("all") { _, _ in
        let all = numbers.withLock { $0 }
        guard let first = all.first, let last = all.last, all == Array(first...last) else { return .text("\(all)") }
        return .text("\(first) to \(last), in order")
    }
    say("listening")
    var callers = context.connectEvents.makeAsyncIterator()
    guard let event = try await callers.next() else { return }
    var arrivals = event.source.messages.makeAsyncIterator()
    guard let port = try await arrivals.next()?.ports.first else { return say("no port came") }
    let messenger = Messenger(port, handlers: handlers)
    try await messenger.waitUntilClosed()
}
