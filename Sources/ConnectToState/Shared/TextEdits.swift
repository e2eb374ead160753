import ConnectToLinux

/// The edits of a text, those of other replicas and one's own: see ``SharedText/edits``.
///
/// It begins when it is made, not when its loop begins. One task takes it, at its own pace, and a slow task holds nothing
/// up: while more than 256 edits wait for it, they are one, the whole text as it is when the task takes that. What the
/// task knows is never wrong, only late. It does not keep the state.
public struct TextEdits: AsyncSequence, Sendable {
    public typealias Element = TextEdit
    public typealias Failure = Never

    /// The text as it was before the first of the edits.
    public let string: String
    let subscription: Subscription

    /// Ends with the last copy of the sequence and its iterators.
    final class Subscription: Sendable {
        private weak let state: SharedState?
        private let text: StateKey
        private let feed: TextFeed

        init(_ state: SharedState, _ text: StateKey, _ feed: TextFeed) {
            self.state = state
            self.text = text
            self.feed = feed
        }

        func next(isolation actor: isolated (any Actor)?) async -> TextEdit? {
            switch await feed.next(isolation: actor) {
            case .edit(let edit): edit
            case .whole(let length): state?.takeWhole(text, length, feed)
            case nil: nil
            }
        }

        deinit { state?.remove(feed, of: text) }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(subscription: subscription) }

    /// Takes one edit after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let subscription: Subscription

        /// The next edit; nil once the state is closed or dropped, and where the task is cancelled.
        public mutating func next() async -> TextEdit? { await subscription.next(isolation: nil) }

        /// The same, without leaving the actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> TextEdit? {
            await subscription.next(isolation: actor)
        }
    }
}
