extension Transferable {
    /// Closes it, whoever else has a reference: the message that it came with, for one.
    package func letGo() {
        switch self {
        case .port(let port): port.close()
        case .file(let file): _ = file.take()
        case .buffer(let buffer): _ = buffer.take()
        }
    }
}
