import ArgumentParser

/// A time on the command line, in seconds; a fraction is allowed.
struct SecondsArgument: Sendable {
    let duration: Duration

    /// A time longer than ten years becomes ten years.
    /// - Throws: `ValidationError`, which says what to write instead, if the argument is not a finite number from 0 on.
    init(_ argument: String) throws {
        guard let seconds = Double(argument), seconds.isFinite, seconds >= 0 else {
            throw ValidationError("give a number of seconds, 0 or more, such as 2 or 0.5")
        }
        duration = .seconds(min(seconds, 10 * 365 * 86_400))
    }
}

extension Duration {
    /// The number of seconds as a person writes it: `2`, `0.25`.
    var inSeconds: String {
        let (whole, attoseconds) = components
        if attoseconds == 0 { return String(whole) }
        return String(Double(whole) + Double(attoseconds) / 1e18)
    }
}
