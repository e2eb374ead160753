import ConnectTo

extension To {
    /// The same failure, with what the bus and the listener can still tell about it.
    func explained(
        _ failure: Failure, calling name: String, origin: String, on bus: Bus
    ) async -> Failure {
        guard let message = failure.message else { return failure }
        let doctor = common.line("doctor", name)
        switch failure.status {
        case .noSuchName:
            // Where names may be hidden, one that nobody has may be one of them.
            guard let facts = try? await bus.facts(), let hiding = Surroundings(facts).hiding else { return failure }
            return Failure(.noSuchName, "\(message); \(hiding): \(doctor) tells more")
        case .timedOut:
            return Failure(.timedOut, "\(message); \(doctor) looks further")
        case .refused:
            // Not so where its owner was not the one that was expected.
            guard message.hasPrefix("\(name.debugDescription) refused"),
                let info = try? await bus.info(name, origin: origin), let format = info.format,
                format != (raw ? .stream : .messages)
            else { return failure }
            return Failure(.refused, "\(message) (\(raw ? "without" : "with") --raw)")
        default: return failure
        }
    }
}
