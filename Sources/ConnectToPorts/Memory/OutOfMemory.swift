/// Not enough memory for bytes that a line has received or is to send. This error ends that line, not the process.
struct OutOfMemory: Error, CustomStringConvertible {
    /// The bytes that were asked for.
    let size: Int

    var description: String { "not enough memory for \(size) bytes of a message" }
}
