public import DequeModule

/// What one `for await` loop has not taken yet.
///
/// Putting elements in and waking the loop are two steps: the first can be done under the caller's lock, which says in
/// which order all loops hear of them, and the second behind it.
public final class LoopQueue<Element: Sendable>: Sendable {
    private struct State {
        var elements: Deque<Element>
        var isOver = false
    }

    private let state: Lock<State>
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    public init(_ first: [Element]) {
        state = Lock(State(elements: Deque(first)))
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Changes what waits, without waking the loop.
    public func change(_ body: (inout Deque<Element>) -> Void) {
        state.withLock { body(&$0.elements) }
    }

    public func wake() {
        signal.yield()
    }

    /// No more will come; what waits can still be taken.
    public func end() {
        state.withLock { $0.isOver = true }
        signal.finish()
    }

    /// Takes the next element, and waits for it where there is none; nil at the end, and where the task is cancelled.
    /// One loop may wait at a time.
    public func next(isolation actor: isolated (any Actor)? = #isolation) async -> Element? {
        var iterator = signals.makeAsyncIterator()
        while !Task.isCancelled {
            let (element, isOver) = state.withLock { ($0.elements.popFirst(), $0.isOver) }
            if let element { return element }
            if isOver { return nil }
            await iterator.next(isolation: actor)
        }
        return nil
    }
}
