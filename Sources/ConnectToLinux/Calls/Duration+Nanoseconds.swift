extension Duration {
    /// The duration in whole nanoseconds, between 0 and 292 years: negative durations become 0, and longer ones are
    /// cut, so that adding the result to a clock's time cannot overflow.
    package var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        if seconds < 0 || attoseconds < 0 { return 0 }
        let longest = UInt64.max / 2
        // Below this bound, adding the fraction of a second cannot overflow.
        if UInt64(seconds) > longest / 1_000_000_000 { return longest }
        return min(longest, UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000))
    }
}
