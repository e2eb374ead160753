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

/// A size on the command line: a number of bytes, or a number and a unit (K is 1,024 bytes; M, G and T likewise).
struct SizeArgument: Sendable {
    let bytes: Int

    /// A number that overflows becomes `Int.max`, which is larger than any file.
    /// - Throws: `ValidationError`, which says what to write instead, if the argument is not a number of bytes.
    init(_ argument: String) throws {
        let units: [Character: Int] = ["K": 10, "M": 20, "G": 30, "T": 40]
        let unit = argument.last.flatMap { units[Character($0.uppercased())] }
        guard let number = Int(unit == nil ? argument[...] : argument.dropLast()), number >= 0 else {
            throw ValidationError("give a number of bytes, such as 5000, 20M or 4G")
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << (unit ?? 0))
        self.bytes = overflow ? .max : bytes
    }
}
