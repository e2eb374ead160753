import ArgumentParser

/// A time on the command line: seconds, with a fraction if need be.
struct Seconds: Sendable {
    let duration: Duration

    /// What is longer than ten years is ten years.
    /// - Throws: what to write instead, for what is no number, negative or not finite.
    init(_ argument: String) throws {
        guard let seconds = Double(argument), seconds.isFinite, seconds >= 0 else {
            throw ValidationError("a number of seconds, 0 or more, is wanted, such as 2 or 0.5")
        }
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
