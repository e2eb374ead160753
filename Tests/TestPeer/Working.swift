import ConnectTo
import Glibc

/// A worker: its standard input is one end of a line, and it answers what comes with its process number.
func work() async throws {
    let port = try MessagePort(adopting: 0)
    var byte: UInt8 = 0
    // What was standard input is a line no more: it is at its end.
    let isAtEnd = read(0, &byte, 1) == 0
    for try await message in port.messages {
        try port.postMessage("\(getpid()) \(isAtEnd): \(message.text ?? "?")")
    }
    port.finish()
    try await port.waitUntilClosed()
    exit(0)
}
