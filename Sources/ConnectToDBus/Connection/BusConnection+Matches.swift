import ConnectToLinux

extension BusConnection {
    /// Has the bus route to us what a rule matches. Rules are counted by their text: the bus is asked for the first
    /// use of each, and told when ``removeMatch(_:)`` was called as often as this.
    ///
    /// - Parameter completion: called exactly once, on the loop, when the rule is in force, or refused; a
    ///   refused rule is not counted.
    package func addMatch(
        _ rule: MatchRule, completion: @escaping @Sendable (Result<Void, DBusError>) -> Void
    ) {
        let text = rule.text
        switch matches.add(text, completion) {
        case .wait: break
        case .inForce: reactor.atTurnEnd { completion(.success(())) }
        case .ask(let request):
            call(.toBus("AddMatch", [.string(text)]), deadline: Self.busDeadline) { [self] result in
                // Keeps the connection until then: others may wait for the same request.
                assumeIsolated { $0.settleMatch(text, request, result.map { _ in }) }
            }
        }
    }

    /// The same, awaited; not to be cancelled. When it returns, the rule is in force.
    package func addMatch(_ rule: MatchRule) async throws(DBusError) {
        let result = await withCheckedContinuation { continuation in
            addMatch(rule) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Takes one use of a rule back. What the bus has sent already may still come.
    package func removeMatch(_ rule: MatchRule) {
        if matches.remove(rule.text) { sendRemoveMatch(rule.text) }
    }

    private func settleMatch(_ text: String, _ request: Int, _ result: Result<Void, DBusError>) {
        var isInForce = false
        switch result {
        case .success: isInForce = true
        // The bus may still carry it out; nobody would count that rule.
        case .failure(let error) where error.kind == .timedOut: sendRemoveMatch(text)
        case .failure: break
        }
        for completion in matches.settle(text, request, isInForce: isInForce) { completion(result) }
    }

    private func sendRemoveMatch(_ text: String) {
        // No reply is wanted: if the bus does not know the rule, or is gone, that is what was asked for.
        _ = try? link.send(
            try OutgoingMessage.methodCall(.toBus("RemoveMatch", [.string(text)]), expectsReply: false))
    }
}
