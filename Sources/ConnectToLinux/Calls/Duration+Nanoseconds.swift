extension Duration {
    /// In whole nanoseconds: 0 for what is negative, 292 years for what is longer, so that a time can be added to the
    /// clock's.
    package var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        if seconds < 0 || attoseconds < 0 { return 0 }
        let longest = UInt64.max / 2
        // Within it there is room for the fraction too.
        if UInt64(seconds) > longest / 1_000_000_000 { return longest }
        return min(longest, UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000))
    }
}
