extension Duration {
    /// In whole nanoseconds: 0 for what is negative, the most there is (584 years) for what is longer.
    package var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        if seconds < 0 || attoseconds < 0 { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return .max / 2 }
        return min(.max / 2, whole + UInt64(attoseconds / 1_000_000_000))
    }
}
