/// The rest of a line, during which one side can hand its end over (`dbus/CALLS.md`, section 10): what each side has
/// asked the other for.
///
/// A side that wants a rest asks for it. The other side is *held* then: it sends no requests and events. It agrees,
/// and is held until the asking side takes the wish back, or until whoever has that end now says hello.
struct LineRest {
    /// This side wants a rest.
    private(set) var isWanted = false
    /// The other side wants one, so this side sends no requests and events.
    private(set) var isHeld = false
    /// How many of this side's wishes the other side has not agreed to yet. It agrees to each, also to one that was
    /// taken back meanwhile: so an agreement is told from that to an earlier wish.
    private var unanswered = 0

    /// The other side is held and has said so: all of its requests and events have arrived.
    var isAgreed: Bool { isWanted && unanswered == 0 }

    /// This side wants a rest. The other side has to hear of it.
    mutating func want() {
        isWanted = true
        unanswered += 1
    }

    /// This side goes on without a rest. The other side has to hear of it.
    mutating func takeBack() {
        isWanted = false
    }

    /// The other side has said something.
    ///
    /// - Returns: whether to agree.
    mutating func receive(_ word: Envelope.Rest) throws(ProtocolViolation) -> Bool {
        switch word {
        case .wanted:
            guard !isHeld else { throw ProtocolViolation("a rest behind a rest") }
            isHeld = true
            return true
        case .agreed:
            guard unanswered > 0 else { throw ProtocolViolation("an agreement to a rest that nobody wants") }
            unanswered -= 1
            return false
        case .over:
            guard isHeld else { throw ProtocolViolation("the end of a rest that has not begun") }
            isHeld = false
            return false
        }
    }

    /// The other side's end has a new owner, which has said hello.
    ///
    /// - Returns: whether to tell the new owner that this side wants a rest.
    mutating func begin() throws(ProtocolViolation) -> Bool {
        guard isHeld else { throw ProtocolViolation("a second hello") }
        isHeld = false
        unanswered = isWanted ? 1 : 0
        return isWanted
    }
}
