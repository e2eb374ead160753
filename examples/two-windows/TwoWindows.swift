import ConnectTo
@preconcurrency import Foundation

/// Two windows on one document: open the same file in two terminals, and what is typed in one shows in both.
@main struct TwoWindows {
    static func main() async {
        do { try await run() } catch {
            let reason = (error as? CocoaError)?.localizedDescription ?? "\(error)"
            fputs("two-windows: \(CommandLine.arguments[1...].joined()): \(reason)\n", stderr)
            exit(1)
        }
    }

    static func run() async throws {
        guard let file = CommandLine.arguments.dropFirst().first else {
            return print("usage: two-windows FILE    words: a new line;  2 words: line 2 anew;  ^D: the end")
        }
        let window = try Window(URL(fileURLWithPath: file).resolvingSymlinksInPath().path)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await window.stayConnected(through: Bus.session()) }
            group.addTask {
                for await line in typedLines() { try await window.edit(Edit(typed: line)) }
                await window.settled()
            }
            try await group.next()
            group.cancelAll()
        }
    }

    /// What is typed, line by line. Reading blocks, so it has a thread of its own.
    static func typedLines() -> AsyncStream<String> {
        AsyncStream { lines in
            Thread.detachNewThread {
                while let line = readLine() { lines.yield(line) }
                lines.finish()
            }
        }
    }
}
