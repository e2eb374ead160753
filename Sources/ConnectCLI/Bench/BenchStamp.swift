// What is measured has to arrive as it was sent: each message carries its number at its beginning and its end.

extension [UInt8] {
    /// For messages of eight bytes and more.
    mutating func stamp(_ number: UInt64) {
        withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: number, as: UInt64.self)
            bytes.storeBytes(of: number, toByteOffset: bytes.count - 8, as: UInt64.self)
        }
    }
}

extension UnsafeRawBufferPointer {
    /// - Throws: ``Failure`` 76 for another than the message of that number.
    func check(_ number: UInt64) throws(Failure) {
        let isIntact =
            count >= 8 && loadUnaligned(as: UInt64.self) == number
            && loadUnaligned(fromByteOffset: count - 8, as: UInt64.self) == number
        if !isIntact { throw Failure(.peerFailed, "message \(number) did not arrive intact; this is a bug") }
    }

    /// The same of every word.
    func checkAll(_ number: UInt64) throws(Failure) {
        let difference = withMemoryRebound(to: UInt64.self) { $0.reduce(0) { $0 | ($1 ^ number) } }
        if difference != 0 {
            throw Failure(.peerFailed, "buffer \(number) did not arrive intact; this is a bug")
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    func fill(_ number: UInt64) {
        withMemoryRebound(to: UInt64.self) { $0.update(repeating: number) }
    }
}
