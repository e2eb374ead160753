extension Sequence<UInt8> {
    /// The bytes as a C string, with a NUL at the end. In any encoding, unlike `String.utf8CString`.
    public var cString: [CChar] { map { CChar(bitPattern: $0) } + [0] }
}
