/// How long to wait before each of several attempts: twice as long each time, up to a limit.
///
/// Each delay is shortened at random by up to a half, so that many programs that have lost the same thing do not all
/// come back for it at the same moment.
struct Backoff {
    private var step: Duration
    private let longest: Duration

    init(from shortest: Duration, to longest: Duration) {
        step = shortest
        self.longest = longest
    }

    mutating func next() -> Duration {
        defer { step = min(step * 2, longest) }
        return step * Double.random(in: 0.5...1)
    }
}
