/// Bounds how often something happens: so many times a second, and at once as many times as have been saved up.
struct TokenBucket {
    /// How many seconds' worth may be saved up.
    static let seconds = 5.0

    private let rate: Double
    private var tokens: Double
    private var filledAt: SuspendingClock.Instant

    /// - Parameter rate: one at least.
    init(rate: Int, now: SuspendingClock.Instant) {
        self.rate = Double(rate)
        tokens = self.rate * Self.seconds
        filledAt = now
    }

    mutating func refill(at now: SuspendingClock.Instant) {
        let passed = filledAt.duration(to: now) / .seconds(1)
        tokens = min(rate * Self.seconds, tokens + rate * passed)
        filledAt = now
    }

    var isEmpty: Bool { tokens < 1 }
    /// Nothing has been taken for a while: forgetting the bucket changes nothing.
    var isFull: Bool { tokens >= rate * Self.seconds }

    /// When the bucket is no longer empty, if nothing is taken until then.
    var nextToken: SuspendingClock.Instant { filledAt + .seconds(max(0, 1 - tokens) / rate) }

    mutating func take() { tokens -= 1 }
}
