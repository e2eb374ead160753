import ConnectTo
import ConnectToLinux
import ConnectToMessaging

/// A hub that lets its peers ask each other and introduces them, and says who comes and goes.
///
/// It answers "hang" never, and "tick" with a stream that has no end; it says "asked" when either begins.
func beHub(_ name: String, on address: String) async throws {
    let context = try await Bus.at(address).register(name, options: ContextOptions(format: .calls))
    let hub = Hub()
    hub.allowRelaying { _, _, _ in true }
    hub.allowIntroductions { _, _ in true }
    hub.answerNever("hang")
    hub.onStream("tick") { _, ticks, _ in
        say("asked")
        while true { try await ticks.yield(.text("tick")) }
    }
    say("listening")
    async let serving: Void = hub.serve(context) { $0.metadata["as"] }
    for await change in hub.changes {
        switch change {
        case .connected(let peer): say("connected \(peer)")
        case .disconnected(let peer, let reason): say("disconnected \(peer): \(reason.code)")
        }
    }
    try await serving
}

/// So many peers of a hub, with ids that end in a number from the first on: "spoke 1".
///
/// Each answers "who" with its id and "heard" with how many events of the type "news" it has heard, and never answers
/// "hang". Each takes introductions. They stay until the cue to close their lines.
func beSpokes(_ name: String, _ first: Int, count: Int, on address: String, until cues: Cues) async throws {
    let bus = try await Bus.at(address)
    var spokes: [Messenger] = []
    for number in first..<first + count {
        let id = "spoke \(number)"
        let handlers = Handlers()
        let heard = Lock(0)
        let direct = Lock<[Messenger]>([])
        handlers.onRequest("who") { _, _ in .text(id) }
        handlers.onEvent("news") { _, _ in heard.withLock { $0 += 1 } }
        handlers.onRequest("heard") { _, _ in .text("\(heard.withLock(\.self))") }
        handlers.answerNever("hang")
        handlers.onIntroduction { _, messenger in direct.withLock { $0.append(messenger) } }
        spokes.append(
            try await bus.messenger(
                to: name, options: ConnectOptions(metadata: ["as": id]), handlers: handlers))
    }
    say("connected")
    await cues.next()
    for spoke in spokes { spoke.close() }
    say("closed")
}

extension CallHandling {
    /// Says "asked" when such a request comes, and answers when it is given up.
    fileprivate func answerNever(_ type: String) {
        onRequest(type) { _, _ in
            say("asked")
            try await Task.sleep(for: .seconds(3_600))
            return nil
        }
    }
}
