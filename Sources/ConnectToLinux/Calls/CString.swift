extension Sequence<UInt8> {
    /// The bytes as C has a string, with a NUL behind them: whatever their encoding, unlike `String.utf8CString`.
    package var cString: [CChar] { map { CChar(bitPattern: $0) } + [0] }
}
