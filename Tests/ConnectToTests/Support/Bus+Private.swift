import ConnectToLinux
import ConnectToTesting

@testable import ConnectTo

extension Bus {
    /// One more program on the test's own bus: a connection that nobody else in this process shares.
    ///
    /// - Parameter limit: how long the bus may be away; with zero a bus that goes is lost at once.
    static func onPrivateBus(reconnectingFor limit: Duration? = nil) async throws -> Bus {
        var limits = BusLimits()
        if let limit { limits.absence = limit }
        return try await makeSeparate(at: try PrivateBus.current.address, limits: limits)
    }

    /// As `connectTo`, with a listener's time to answer made short.
    func connectTo(
        _ name: String, wait policy: WaitPolicy = .untilAvailable(for: .seconds(10)),
        answerWithin deadline: Duration
    ) throws -> MessagePort {
        let context = try ContextName(name)
        let (port, introduction) = MessagePort.opening(on: loop)
        let introducer = Introducer(
            bus: self, context: context, options: ConnectOptions(wait: policy), answerDeadline: deadline)
        loop.reactor.execute { introducer.introduce(introduction) }
        return port
    }
}

extension Context {
    /// The next caller; nil once the context has ended, or where another task takes the callers.
    func nextConnect() async -> ConnectEvent? {
        var events = connectEvents.makeAsyncIterator()
        return (try? await events.next()) ?? nil
    }

    /// Whether the name becomes this process's before the context ends.
    var becomesRegistered: Bool {
        get async { (try? await waitUntilRegistered()) != nil }
    }
}

extension MessagePort {
    /// The next message's text; nil at the end.
    func nextText() async throws -> String? {
        var messages = messages.makeAsyncIterator()
        return try await messages.next()?.text
    }
}
