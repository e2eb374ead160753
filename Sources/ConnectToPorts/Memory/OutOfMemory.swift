/// There is no memory for what a line has received, or is to send. It ends that line.
struct OutOfMemory: Error, CustomStringConvertible {
    /// In bytes.
    let size: Int

    var description: String { "there is no memory for \(size) bytes of a message" }
}
