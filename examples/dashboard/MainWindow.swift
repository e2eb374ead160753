import ConnectTo
import ConnectToMessaging
import Synchronization

/// The hub: it tells all windows, asks all windows, and lets them talk with each other.
final class MainWindow: Sendable {
    private let hub = Hub()
    private let theme = Mutex("light")

    func run(on bus: Bus) async throws {
        hub.on(Dashboard.share) { [unowned self] text, call in
            guard let id = call.peerID else { return 0 }
            print("\(id) shares: \(text)")
            let skipped = try hub.broadcast(Dashboard.note, Note(from: id, text: text), except: id)
            for window in skipped { print("\(window.peer) missed it: \(window.error)") }
            return hub.peers.count - 1 - skipped.count
        }
        hub.allowIntroductions { _, _ in true }

        let context = try await bus.register(Dashboard.name, options: ContextOptions(format: .calls))
        print("the dashboard is open")
        try await withThrowingTaskGroup(of: Void.self) { group in
            // A window may wish for an id. The hub refuses one that another window has.
            group.addTask { [hub] in try await hub.serve(context) { event in event.metadata["as"] } }
            group.addTask { try await self.followWindows() }
            group.addTask { for await line in typedLines() { try await self.obey(line) } }
            try await group.next()
            group.cancelAll()
        }
    }

    /// Each window that comes learns the theme, also one that comes late.
    private func followWindows() async throws {
        for await change in hub.changes {
            switch change {
            case .connected(let window):
                print("+ \(window)")
                try hub[window.id]?.post(Dashboard.theme, theme.withLock(\.self))
            case .disconnected(let window, let reason):
                print("- \(window) (\(reason.code))")
            }
        }
    }

    private func obey(_ line: String) async throws {
        let words = line.split(separator: " ", maxSplits: 1).map(String.init)
        switch words.first {
        case "theme" where words.count == 2:
            theme.withLock { $0 = words[1] }
            // Acknowledged: every window says when it has changed, and one that hangs delays no other.
            for await (window, result) in try hub.gather(Dashboard.theme, words[1], within: .seconds(2)) {
                switch result {
                case .success: print("\(window) is \(words[1])")
                case .failure(let error): print("\(window) is not: \(error.code)")
                }
            }
        case "status":
            for await (window, result) in try hub.gather(Dashboard.status, within: .seconds(2)) {
                switch result {
                case .success(let status): print("\(window): \(status.theme), \(status.notes) notes")
                case .failure(let error): print("\(window): \(error.code)")
                }
            }
            print("that was all")
        default:
            print("theme NAME: tell all windows;  status: ask all windows")
        }
    }
}
