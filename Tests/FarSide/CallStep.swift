/// How far a request has come when the test kills or stops one of the two programs.
package enum CallStep: Int, CaseIterable, Sendable {
    /// It waits for a place behind two others.
    case queued
    /// The kernel has it, and the callee has not read it.
    case sent
    /// Its handler runs.
    case started
    /// The first element of a stream has been taken.
    case firstElement
    /// All sixteen elements of the window have arrived, and the handler waits.
    case fullWindow
    /// Its handler waits for the answer to a request back.
    case nested
    /// Its handler has stopped listening to cancels, and has not answered.
    case beforeTheAnswer
    /// The caller has the answer.
    case answered
    /// The handler has returned and kept the duty to answer.
    case deferred
    /// The caller has given up, and the callee has heard of it.
    case cancelled

    /// What the callee's handlers say until the request has come so far.
    package var callee: [String] {
        switch self {
        case .queued: ["started", "started"]
        case .started, .beforeTheAnswer: ["started"]
        case .firstElement: ["element 1"]
        case .fullWindow: ["window full"]
        case .deferred: ["deferred"]
        case .cancelled: ["started", "cancelled"]
        case .sent, .nested, .answered: []
        }
    }

    /// What the caller says until then.
    package var caller: [String] {
        switch self {
        case .firstElement, .fullWindow: ["took 1"]
        case .nested: ["started"]
        case .answered: ["answered"]
        case .cancelled: ["gave up"]
        case .queued, .sent, .started, .beforeTheAnswer, .deferred: []
        }
    }

    /// How its requests end for the caller: by an end of this code, where they have not ended before.
    package func outcomes(_ code: String) -> [String] {
        switch self {
        case .queued: ["\(code) sent", "\(code) sent", "\(code) waiting"]
        case .sent, .started, .nested, .beforeTheAnswer, .deferred: ["\(code) sent"]
        case .firstElement: ["1 taken, \(code) sent"]
        case .fullWindow: ["16 taken, \(code) sent"]
        case .answered: ["result"]
        case .cancelled: ["cancelled sent"]
        }
    }

    /// What the callee's handlers say when their work is cancelled, because the caller is gone or the time is over.
    package var calleeCancelled: [String] {
        switch self {
        case .queued: ["cancelled", "cancelled"]
        case .sent, .started, .firstElement, .fullWindow, .beforeTheAnswer: ["cancelled"]
        case .nested, .answered, .deferred, .cancelled: []
        }
    }
}
