import ConnectTo

extension To {
    /// The same failure, with what the bus and the listener can still say about it within a second.
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
            // Not where the name's owner was another than the expected one: then the listener has refused nothing.
            guard failure.cause == .end(.refused) else { return failure }
            let info = await within(TimeLimit.advice) { try? await bus.info(name, origin: origin) } ?? nil
            switch info?.format {
            case .messages? where raw: return Failure(.refused, "\(message), or call it without --raw")
            case .stream? where !raw: return Failure(.refused, "\(message), or call it with --raw")
            default: return failure
            }
        default: return failure
        }
    }
}
