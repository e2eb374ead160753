/// Counts the users of each match rule, so that AddMatch is sent for the first user of a rule and RemoveMatch after its
/// last.
///
/// It does no I/O: it returns what the caller has to send. Two rules are the same if their texts are equal byte by
/// byte.
struct MatchTable {
    typealias Completion = @Sendable (Result<Void, DBusError>) -> Void

    enum Addition {
        /// Send AddMatch, and pass its outcome to ``finish(_:_:isInForce:)`` with this number.
        case ask(Int)
        /// An AddMatch for the rule is under way. The completion waits for it.
        case wait
        /// The rule is in force already. The caller has to call the completion.
        case inForce
    }

    private struct Entry {
        var users: Int
        var isInForce = false
        let request: Int
    }

    private var entries: [[UInt8]: Entry] = [:]
    /// By request and not by rule: a rule may be removed and added again while its first request is under way.
    private var waiting: [Int: [Completion]] = [:]
    private var lastRequest = 0

    mutating func add(_ rule: String, _ completion: @escaping Completion) -> Addition {
        let key = Array(rule.utf8)
        if let entry = entries[key] {
            entries[key]?.users += 1
            if entry.isInForce { return .inForce }
            waiting[entry.request, default: []].append(completion)
            return .wait
        }
        lastRequest += 1
        entries[key] = Entry(users: 1, request: lastRequest)
        waiting[lastRequest] = [completion]
        return .ask(lastRequest)
    }

    /// Records the outcome of a request.
    /// - Returns: the completions that waited for it.
    mutating func finish(_ rule: String, _ request: Int, isInForce: Bool) -> [Completion] {
        let key = Array(rule.utf8)
        if entries[key]?.request == request {
            if isInForce { entries[key]?.isInForce = true } else { entries[key] = nil }
        }
        return waiting.removeValue(forKey: request) ?? []
    }

    /// Forgets all rules, because the connection that had them is gone. Requests under way still have to be finished.
    mutating func forgetRules() {
        entries = [:]
    }

    /// - Returns: whether the caller has to send RemoveMatch.
    mutating func remove(_ rule: String) -> Bool {
        let key = Array(rule.utf8)
        guard let entry = entries[key] else { return false }
        if entry.users > 1 {
            entries[key]?.users -= 1
            return false
        }
        entries[key] = nil
        return true
    }
}
