import ArgumentParser

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
