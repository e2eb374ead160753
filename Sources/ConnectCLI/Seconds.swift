import ArgumentParser

/// A time on the command line: seconds, with a fraction if need be.
struct Seconds: ExpressibleByArgument, Sendable {
    let duration: Duration

    init(of duration: Duration) {
        self.duration = duration
    }

    var defaultValueDescription: String { duration.inSeconds }

    /// `nil` for what is no number, negative or not finite. What is longer than ten years is ten years.
    init?(argument: String) {
        guard let seconds = Double(argument), seconds.isFinite, seconds >= 0 else { return nil }
        duration = .seconds(min(seconds, 10 * 365 * 86_400))
    }
}

extension Duration {
    /// As a person writes it: `2`, `0.25`.
    var inSeconds: String {
        let (whole, attoseconds) = components
        if attoseconds == 0 { return String(whole) }
        return String(Double(whole) + Double(attoseconds) / 1e18)
    }
}
