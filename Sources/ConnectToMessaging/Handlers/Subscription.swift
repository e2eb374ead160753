/// A handler that has been set: what ``CallHandling/on(_:_:)-(Event<Content>,_)`` and its like return.
///
/// Dropping it removes nothing, so that a program that never removes its handlers may ignore it. A handler that is to
/// live as long as some object is kept there as ``scoped()``.
public struct Subscription: Sendable {
    private let remove: @Sendable () -> Void

    init(_ remove: @escaping @Sendable () -> Void) {
        self.remove = remove
    }

    /// Removes the handler. One that is running runs to its end. Does nothing a second time.
    public func cancel() {
        remove()
    }

    /// Makes an object that removes the handler when its last reference is gone.
    public func scoped() -> ScopedSubscription {
        ScopedSubscription(self)
    }
}

/// A handler that lives as long as this object does: see ``Subscription/scoped()``.
public final class ScopedSubscription: Sendable {
    private let subscription: Subscription

    init(_ subscription: Subscription) {
        self.subscription = subscription
    }

    deinit {
        subscription.cancel()
    }

    /// Removes the handler now.
    public func cancel() {
        subscription.cancel()
    }
}
