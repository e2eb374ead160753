import ConnectTo

extension To {
    /// The same failure, with what the bus and the listener can still say about it within a second, and
    /// what to do next.
    func explained(
        _ failure: Failure, calling name: String, origin: String, on bus: Bus
    ) async -> Failure {
        guard let message = failure.message else { return failure }
        let doctor = common.commandLine("doctor", name)
        switch failure.status {
        case .noSuchName:
            // If a sandbox or proxy may hide names, a name that looks unregistered may be a hidden one.
            let info = await within(TimeLimit.advice) { try? await bus.info() } ?? nil
            guard let reason = info.flatMap({ BusRoute($0).hidingReason }) else { return failure }
            return Failure(.noSuchName, "\(message); \(reason); see \(doctor)")
        case .timedOut:
            let isWaiting = wait != nil || reconnect
            return Failure(.timedOut, "\(message); \(isWaiting ? "" : "allow more time (--wait), or ")see \(doctor)")
        case .refused:
            // A listener that gave a reason of its own has said what there is to say. Only where the format alone was
            // wrong, the listener cannot know the option.
            let asked = raw ? "a stream of bytes" : "messages"
            guard message.hasSuffix("the call asked for \(asked)") else { return failure }
            let info = await within(TimeLimit.advice) { try? await bus.info(name, origin: origin) } ?? nil
            guard info?.format == (raw ? .messages : .stream) else { return failure }
            return Failure(.refused, "\(message); call it \(raw ? "without" : "with") --raw")
        default: return failure
        }
    }
}
