/// The requests that this side has sent and that the other side has not answered yet.
///
/// A request that the program has given up stays here until its answer arrives: only so can a late answer be told from
/// one that belongs to no request.
struct CallsMade<Caller> {
    private struct Call {
        /// Nil once the program has given up.
        var caller: Caller?
        /// How many more elements the callee may send; nil where the request is not a stream.
        var elements: UInt32?
    }

    /// The elements that a callee may send before the caller grants more.
    static var firstElements: UInt32 { 16 }

    private var calls = RequestTable<Call>()
    private var lastID: UInt64 = 0
    /// How many more requests the other side takes now.
    private(set) var places = Int(Hello.least.places)

    var isEmpty: Bool { calls.count == 0 }

    /// All that wait for an answer, in the order of their sending.
    var callers: some Sequence<Caller> { calls.requests.lazy.compactMap(\.caller) }

    /// How many requests have not been answered, those that were given up included.
    var count: Int { calls.count }

    /// Takes a place and the next id for a request that is about to be sent. There has to be a place.
    mutating func begin(_ caller: Caller, wantsMany: Bool) -> UInt64 {
        lastID += 1
        places -= 1
        calls.append(Call(caller: caller, elements: wantsMany ? Self.firstElements : nil), id: lastID)
        return lastID
    }

    /// The request could not be sent after all. Its id is left out.
    mutating func takeBack(_ id: UInt64) {
        if calls.remove(id) != nil { places += 1 }
    }

    /// The program no longer wants the answer.
    ///
    /// - Returns: the caller, if the request has not been answered or given up before. Then the callee has to hear of
    ///   it.
    mutating func giveUp(_ id: UInt64) -> Caller? {
        calls.update(id) { $0.caller.take() } ?? nil
    }

    /// A result or a failure has arrived.
    ///
    /// - Returns: the caller; nil where the program has given up.
    mutating func answer(_ id: UInt64, keepsPlace: Bool) throws(ProtocolViolation) -> Caller? {
        guard let call = calls.remove(id) else {
            throw ProtocolViolation("an answer to request \(id), which waits for none")
        }
        if !keepsPlace { try grantPlaces(1) }
        return call.caller
    }

    /// An element of a stream has arrived.
    ///
    /// - Returns: the caller; nil where the program has given up.
    mutating func element(_ id: UInt64) throws(ProtocolViolation) -> Caller? {
        guard let call = calls[id] else {
            throw ProtocolViolation("an element for request \(id), which waits for none")
        }
        guard let elements = call.elements else {
            throw ProtocolViolation("an element for request \(id), which asks for one answer")
        }
        guard elements > 0 else { throw ProtocolViolation("an element beyond the window of stream \(id)") }
        calls.update(id) { $0.elements = elements - 1 }
        return call.caller
    }

    /// This side lets the callee send more elements.
    ///
    /// - Returns: whether the stream still runs, so that the callee has to hear of it.
    mutating func grantElements(_ count: UInt32, of id: UInt64) -> Bool {
        guard let call = calls[id], call.caller != nil, let elements = call.elements else { return false }
        calls.update(id) { $0.elements = elements + count }
        return true
    }

    /// The other side takes more requests.
    mutating func grantPlaces(_ count: UInt32) throws(ProtocolViolation) {
        // What is under way comes back some time, so it counts.
        guard places + calls.count + Int(count) <= Int(Int32.max) else {
            throw ProtocolViolation("grants of more than 2^31 places")
        }
        places += Int(count)
    }

    /// The other side's hello has arrived, which counts from the beginning of the line.
    mutating func hello(places granted: UInt32) throws(ProtocolViolation) {
        try grantPlaces(granted - Hello.least.places)
    }

    /// The other side's end has a new owner: its places begin anew. Nothing may be under way. Ids go on, so that what
    /// is still said here of earlier requests means no later one.
    mutating func restart() {
        places = Int(Hello.least.places)
    }

    /// The line has ended: everything that waits for an answer, in the order of its sending.
    mutating func end() -> [Caller] {
        calls.removeAll().compactMap(\.caller)
    }
}
