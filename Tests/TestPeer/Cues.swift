import Glibc
import LinuxIO
import Synchronization

/// Lines of standard input, for tests to say when something is to happen.
final class Cues: Sendable {
    private let lines: AsyncStream<Void>
    private let ended = AsyncStream<Void>.makeStream()

    init() {
        let (lines, sink) = AsyncStream<Void>.makeStream()
        self.lines = lines
        // Reading blocks, so on a thread of its own.
        try? startDetachedThread(named: "cues") { [ended] in
            var byte: UInt8 = 0
            while read(0, &byte, 1) == 1 { if byte == UInt8(ascii: "\n") { sink.yield() } }
            ended.continuation.finish()
        }
    }

    /// Waits for the next cue.
    func next() async {
        var iterator = lines.makeAsyncIterator()
        await iterator.next()
    }

    /// Waits for the end of the input.
    func end() async {
        for await _ in ended.stream {}
    }
}

/// Tells the test, at once.
func say(_ line: String) {
    var bytes = Array((line + "\n").utf8)
    _ = write(1, &bytes, bytes.count)
}
