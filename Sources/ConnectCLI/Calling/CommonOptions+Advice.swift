import ConnectTo
import ConnectToMessaging

extension CommonOptions {
    /// The same failure of an introduction, with what the bus and the listener can still say about it within a second,
    /// and what to do next.
    /// - Parameters:
    ///   - asked: what the call wanted to be carried.
    ///   - waits: whether it was told how long to wait for the name.
    func explained(
        _ failure: Failure, calling name: String, origin: String, on bus: Bus, asked: LineFormat, waits: Bool
    ) async -> Failure {
        guard let message = failure.message else { return failure }
        let doctor = commandLine("doctor", name)
        switch failure.status {
        case .noSuchName:
            // If a sandbox or proxy may hide names, a name that looks unregistered may be a hidden one.
            let info = await within(TimeLimit.advice) { try? await bus.info() } ?? nil
            guard let reason = info.flatMap({ BusRoute($0).hidingReason }) else { return failure }
            return Failure(.noSuchName, "\(message); \(reason); see \(doctor)")
        case .timedOut:
            return Failure(.timedOut, "\(message); \(waits ? "" : "allow more time (--wait), or ")see \(doctor)")
        case .refused:
            // A listener that gave a reason of its own has said what there is to say. Only where the format alone was
            // wrong, the listener cannot know the option.
            guard message.hasSuffix("the call asked for \(asked.askedWords)") else { return failure }
            let info = await within(TimeLimit.advice) { try? await bus.info(name, origin: origin) } ?? nil
            guard let format = info?.format, let advice = advice(asked: asked, carries: format, name) else {
                return failure
            }
            return Failure(.refused, "\(message); \(advice)")
        default: return failure
        }
    }

    /// What to do about a context whose lines carry something else than the call has asked for.
    private func advice(asked: LineFormat, carries: LineFormat, _ name: String) -> String? {
        switch (asked, carries) {
        case (.messages, .stream): "call it with --raw"
        case (.stream, .messages): "call it without --raw"
        case (.calls, .messages), (.calls, .stream), (.messages, .calls), (.stream, .calls):
            "\(calling(name, carries)) talks to it"
        default: nil
        }
    }

    /// The command that calls a context, as the beginning of a sentence.
    func calling(_ name: String, _ format: LineFormat) -> String {
        switch format {
        case .stream: "\(commandLine("to", name)), with --raw,"
        case .calls: "\(commandLine("call", name)), with a TYPE,"
        default: commandLine("to", name)
        }
    }
}

extension LineFormat {
    /// How a listener names the format that a call has asked for.
    fileprivate var askedWords: String {
        switch self {
        case .messages: "messages"
        case .stream: "a stream of bytes"
        default: "the format \(rawValue.debugDescription)"
        }
    }
}
