import ArgumentParser

/// A size on the command line: bytes, or with a letter behind it 1,024 of them and so on.
struct ByteCount: Sendable {
    let bytes: Int

    /// What is larger than any file is as large as one can be.
    /// - Throws: what to write instead, for what is no number of bytes.
    init(_ argument: String) throws {
        let units: [Character: Int] = ["K": 10, "M": 20, "G": 30, "T": 40]
        let unit = argument.last.flatMap { units[Character($0.uppercased())] }
        guard let number = Int(unit == nil ? argument[...] : argument.dropLast()), number >= 0 else {
            throw ValidationError("a number of bytes is wanted, such as 5000, or 20M or 4G")
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << (unit ?? 0))
        self.bytes = overflow ? .max : bytes
    }
}
