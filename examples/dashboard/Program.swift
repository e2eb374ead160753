import ConnectTo
@preconcurrency import Foundation

/// A dashboard of several windows, each a process: `dashboard` is the main one, `dashboard ID` another.
@main struct Program {
    static func main() async {
        setvbuf(stdout, nil, _IOLBF, 0)  // each line at once, into a pipe too
        do {
            let bus = try await Bus.session()
            if let id = CommandLine.arguments.dropFirst().first {
                try await Window(id: id).run(on: bus)
            } else {
                try await MainWindow().run(on: bus)
            }
        } catch {
            fputs("dashboard: \(error)\n", stderr)
            exit(1)
        }
    }
}

/// What is typed, line by line. Reading blocks, so it has a thread of its own.
func typedLines() -> AsyncStream<String> {
    AsyncStream { lines in
        Thread.detachNewThread {
            while let line = readLine() { lines.yield(line) }
            lines.finish()
        }
    }
}
