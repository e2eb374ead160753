import ConnectToLinux

extension BusConnection {
    /// Has the bus route the messages to us that a rule matches. Rules with the same text are counted: the bus gets
    /// AddMatch for the first use, and RemoveMatch when ``removeMatch(_:)`` has been called as often as this.
    ///
    /// - Parameter completion: called exactly once, on the loop, when the rule is in force or was refused. A refused
    ///   rule is not counted.
    package func addMatch(
        _ rule: MatchRule, completion: @escaping @Sendable (Result<Void, DBusError>) -> Void
    ) {
        let text = rule.text
        switch matches.add(text, completion) {
        case .wait: break
        case .inForce: reactor.atTurnEnd { completion(.success(())) }
        case .ask(let request):
            call(.toBus("AddMatch", [.string(text)]), deadline: Self.busDeadline) { [self] result in
                // `self` is kept alive until the reply, because other callers may wait for the same request.
                assumeIsolated { $0.finishMatch(text, request, result.map { _ in }) }
            }
        }
    }

    /// Adds a match rule, and returns when it is in force. Ignores cancellation.
    package func addMatch(_ rule: MatchRule) async throws(DBusError) {
        let result = await withCheckedContinuation { continuation in
            addMatch(rule) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Ends one use of a rule. Messages that the bus has sent already may still arrive.
    package func removeMatch(_ rule: MatchRule) {
        if matches.remove(rule.text) { sendRemoveMatch(rule.text) }
    }

    private func finishMatch(_ text: String, _ request: Int, _ result: Result<Void, DBusError>) {
        var isInForce = false
        switch result {
        case .success: isInForce = true
        // The bus may still execute the AddMatch, and the rule would then stay for ever.
        case .failure(let error) where error.kind == .timedOut: sendRemoveMatch(text)
        case .failure: break
        }
        for completion in matches.finish(text, request, isInForce: isInForce) { completion(result) }
    }

    private func sendRemoveMatch(_ text: String) {
        // No reply is needed: if the bus does not know the rule, or is gone, the rule is removed all the same.
        _ = try? link.send(
            try CheckedMessage.methodCall(.toBus("RemoveMatch", [.string(text)]), expectsReply: false))
    }
}
