/// Counts who needs which match rule, so that the bus is asked once for each and told when nobody needs it.
///
/// No I/O: it says what is to be sent. Rules are compared by the bytes of their text.
struct MatchTable {
    typealias Completion = @Sendable (Result<Void, DBusError>) -> Void

    enum Addition {
        /// Send AddMatch, and give its outcome to ``settle(_:_:isInForce:)`` with this number.
        case ask(Int)
        /// Another's AddMatch is under way; the completion waits for it.
        case wait
        /// The rule is in force; the completion is the caller's to call.
        case inForce
    }

    private struct Entry {
        var users: Int
        var isInForce = false
        let request: Int
    }

    private var entries: [[UInt8]: Entry] = [:]
    /// By request, because a rule may be dropped, and asked for anew, while the first request is under way.
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

    /// - Returns: Who waited for this.
    mutating func settle(_ rule: String, _ request: Int, isInForce: Bool) -> [Completion] {
        let key = Array(rule.utf8)
        if entries[key]?.request == request {
            if isInForce { entries[key]?.isInForce = true } else { entries[key] = nil }
        }
        return waiting.removeValue(forKey: request) ?? []
    }

    /// The bus that knew the rules is gone. Requests that are under way there are still to be settled.
    mutating func forgetRules() {
        entries = [:]
    }

    /// - Returns: Whether RemoveMatch is to be sent.
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
