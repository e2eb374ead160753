@preconcurrency import Dispatch
@preconcurrency import Foundation

/// The terminal of this process, which tells each key as it is pressed, until it is restored.
final class Terminal: Sendable {
    private let before: termios

    init() throws {
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0, isatty(STDOUT_FILENO) == 1 else { throw NotATerminal() }
        before = settings
        cfmakeraw(&settings)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
        write("\u{1b}[?1049h")
    }

    func restore() {
        write("\u{1b}[?1049l\u{1b}[?25h")
        var settings = before
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
    }

    var size: (rows: Int, columns: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 1, size.ws_col > 1 else {
            return (24, 80)
        }
        return (Int(size.ws_row), Int(size.ws_col))
    }

    func write(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }

    /// Each key. Reading blocks, so it has a thread of its own.
    func keys() -> AsyncStream<Key> {
        AsyncStream { keys in
            Thread.detachNewThread {
                var reader = KeyReader()
                var bytes = [UInt8](repeating: 0, count: 4096)
                while case let count = read(STDIN_FILENO, &bytes, bytes.count), count > 0 {
                    for key in reader.keys(Array(bytes[..<count])) { keys.yield(key) }
                }
                keys.finish()
            }
        }
    }

    /// Signals that the window has another size.
    func resizes() -> AsyncStream<Void> {
        AsyncStream { resizes in
            let source = DispatchSource.makeSignalSource(signal: SIGWINCH)
            source.setEventHandler { resizes.yield() }
            resizes.onTermination = { _ in source.cancel() }
            source.resume()
        }
    }
}

struct NotATerminal: LocalizedError {
    var errorDescription: String? { "standard input and output must be a terminal" }
}
