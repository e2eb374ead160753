/// The other side's requests that this side has not answered yet.
///
/// A request is known by a *key*, which is never used again, also where the other side's end gets a new owner whose ids
/// begin anew. Until then key and id are the same.
struct CallsServed<Handler> {
    private struct Call {
        /// Nil until the handler has started.
        var handler: Handler?
        /// How many more elements may be sent; nil where the request is not a stream.
        var elements: UInt32?
        /// The place has been given back, since the handler waits for an answer of its own.
        var keepsPlace = false
        var isCancelled = false
    }

    /// How many handlers may wait for answers of their own without holding a place.
    static var waitingLimit: Int { 1_024 }

    private var calls = RequestTable<Call>()
    private var lastID: UInt64 = 0
    /// What is added to an id to make the key.
    private var base: UInt64 = 0
    private var waiting = 0
    /// How many more requests the other side may send now, and those for which it has not been told so.
    private var places: Int
    /// The places that are given back in messages which have not left yet.
    var withheldPlaces = 0

    init(places: UInt32) {
        self.places = Int(places)
    }

    var count: Int { calls.count }

    /// All handlers that have started, in the order of their requests.
    var handlers: some Sequence<Handler> { calls.requests.lazy.compactMap(\.handler) }

    /// Whether the handler of a stream has to wait before it sends more.
    func hasNoWindow(_ key: UInt64) -> Bool {
        guard let call = calls[key], !call.isCancelled, let elements = call.elements else { return false }
        return elements == 0
    }

    /// A request has arrived.
    ///
    /// - Returns: its key.
    @discardableResult
    mutating func begin(_ id: UInt64, wantsMany: Bool) throws(ProtocolViolation) -> UInt64 {
        guard id > lastID else {
            throw ProtocolViolation("request \(id) behind request \(lastID): ids have to grow")
        }
        guard places > withheldPlaces else { throw ProtocolViolation("a request beyond the places that were granted") }
        lastID = id
        places -= 1
        let key = base &+ id
        calls.append(Call(elements: wantsMany ? CallsMade<Void>.firstElements : nil), id: key)
        return key
    }

    /// The handler of a request has started.
    ///
    /// - Returns: whether it is to go on: false where the request has been cancelled meanwhile.
    mutating func started(_ key: UInt64, _ handler: Handler) -> Bool {
        calls.update(key) { call in
            call.handler = handler
            return !call.isCancelled
        } ?? false
    }

    /// A request has been answered, and is to be told so.
    ///
    /// - Returns: whether the answer keeps the place, which was given back before; nil where the request has been
    ///   answered before, or the line has ended, so that there is nothing to send.
    mutating func answer(_ key: UInt64) -> (keepsPlace: Bool, wantsMany: Bool)? {
        guard let call = calls.remove(key) else { return nil }
        if call.keepsPlace { waiting -= 1 } else { places += 1 }
        return (call.keepsPlace, call.elements != nil)
    }

    /// A handler begins to wait for an answer of its own.
    ///
    /// - Returns: whether its place is to be given back to the other side now.
    mutating func givePlaceBack(_ key: UInt64) -> Bool {
        guard let call = calls[key], !call.keepsPlace, waiting < Self.waitingLimit else { return false }
        calls.update(key) { $0.keepsPlace = true }
        waiting += 1
        places += 1
        return true
    }

    /// The caller has given up.
    ///
    /// - Returns: the handler to cancel; nil where it has not started or has answered.
    mutating func cancel(_ id: UInt64) throws(ProtocolViolation) -> Handler? {
        guard id <= lastID else { throw ProtocolViolation("a cancel of request \(id), which was never sent") }
        return calls.update(base &+ id) { call in
            call.isCancelled = true
            return call.handler
        } ?? nil
    }

    /// Whether the caller of a request has given up.
    func isCancelled(_ key: UInt64) -> Bool { calls[key]?.isCancelled ?? true }

    /// Takes the right to send one element of a stream.
    mutating func sendElement(_ key: UInt64) -> ElementPermission {
        guard let call = calls[key], !call.isCancelled, let elements = call.elements else { return .ended }
        guard elements > 0 else { return .wait }
        calls.update(key) { $0.elements = elements - 1 }
        return .send
    }

    /// An element could not be sent after all.
    mutating func takeElementBack(_ key: UInt64) {
        calls.update(key) { call in call.elements = call.elements.map { $0 + 1 } }
    }

    enum ElementPermission {
        case send
        /// The caller has not granted more yet.
        case wait
        /// The request has been answered or given up, or is not a stream.
        case ended
    }

    /// The caller takes more elements of a stream.
    ///
    /// - Returns: the handler, which may wait for that; nil where the stream has ended.
    mutating func grantElements(_ count: UInt32, of id: UInt64) throws(ProtocolViolation) -> Handler? {
        guard id <= lastID else { throw ProtocolViolation("a grant for request \(id), which was never sent") }
        let key = base &+ id
        guard let call = calls[key] else { return nil }
        guard let elements = call.elements else {
            throw ProtocolViolation("a grant of elements for request \(id), which asks for one answer")
        }
        guard Int(elements) + Int(count) <= Int(Int32.max) else {
            throw ProtocolViolation("grants of more than 2^31 elements")
        }
        calls.update(key) { $0.elements = elements + count }
        return call.handler
    }

    /// The other side's end has a new owner: its ids and places begin anew. Nothing may be under way.
    mutating func restart(places: UInt32) {
        self.places = Int(places)
        base &+= lastID
        lastID = 0
        waiting = 0
    }

    /// The line has ended: all handlers that have started.
    mutating func end() -> [Handler] {
        calls.removeAll().compactMap(\.handler)
    }
}
