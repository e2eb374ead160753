import ConnectTo
import Foundation

/// Two windows on one document, or as many as you like: open the same file in several terminals. What is typed in one
/// shows in all at once, and each sees where the others are.
@main struct TwoWindows {
    @MainActor static func main() async {
        guard let file = CommandLine.arguments.dropFirst().first else {
            return print("usage: two-windows FILE    ^S saves, ^Q saves and quits, ^C quits")
        }
        do {
            let terminal = try Terminal()
            defer { terminal.restore() }
            let window = Window(URL(fileURLWithPath: file).resolvingSymlinksInPath().path, terminal)
            try await window.run(on: try await Bus.session())
        } catch {
            let reason = (error as? any LocalizedError)?.errorDescription ?? "\(error)"
            FileHandle.standardError.write(Data("two-windows: \(file): \(reason)\n".utf8))
            exit(1)
        }
    }
}
