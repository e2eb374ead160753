/// Frames as bytes, spelled from the protocol's text and not with the code that is under test.
enum Wire {
    /// - Parameter length: what the header says, where that is not what follows it.
    static func frame(
        _ kind: UInt8, _ payload: [UInt8] = [], flags: UInt8 = 0, descriptors: UInt16 = 0,
        length: UInt32? = nil
    ) -> [UInt8] {
        littleEndian(length ?? UInt32(payload.count)) + [kind, flags] + littleEndian(descriptors) + payload
    }

    static func bytes(_ bytes: [UInt8]) -> [UInt8] { frame(1, bytes) }
    static func text(_ text: String) -> [UInt8] { frame(2, Array(text.utf8)) }
    static func json(_ json: String) -> [UInt8] { frame(3, Array(json.utf8)) }
    static let finish = frame(16)
    static func close(taken: UInt64) -> [UInt8] { frame(17, littleEndian(taken)) }

    private static func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }
}
