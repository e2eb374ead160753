import Glibc

/// Lines of standard input, for tests to say when something is to happen.
final class Cues: Sendable {
    private let lines: AsyncStream<Void>
    private let sink: AsyncStream<Void>.Continuation

    init() {
        (lines, sink) = AsyncStream.makeStream()
    }

    /// Waits for the next cue.
    func next() async {
        var iterator = lines.makeAsyncIterator()
        await iterator.next()
    }

    /// Reads, and blocks the calling thread, until the input ends.
    func readToEnd() {
        var byte: UInt8 = 0
        while read(0, &byte, 1) == 1 { if byte == UInt8(ascii: "\n") { sink.yield() } }
    }
}

/// Tells the test, at once.
func say(_ line: String) {
    var bytes = Array((line + "\n").utf8)
    _ = write(1, &bytes, bytes.count)
}
