import ConnectTo
import ConnectToMessaging
import Synchronization

/// One of the other windows: a spoke.
final class Window: Sendable {
    private let id: String
    private let status = Mutex(Status(theme: "none", notes: 0))
    /// The lines to other windows, which live as long as they stand here.
    private let neighbours = Mutex<[String: Messenger]>([:])

    init(id: String) {
        self.id = id
    }

    func run(on bus: Bus) async throws {
        let dashboard = try await bus.messenger(
            to: Dashboard.name, options: ConnectOptions(metadata: ["as": id]), handlers: handlers())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                let reason = try await dashboard.waitUntilClosed()
                print("the dashboard is gone: \(reason.detail)")
            }
            group.addTask { for await line in typedLines() { try await self.obey(line, dashboard) } }
            try await group.next()
            group.cancelAll()
        }
    }

    /// They serve the line to the main window and those to other windows alike.
    private func handlers() -> Handlers {
        let handlers = Handlers()
        handlers.on(Dashboard.theme) { [unowned self] theme, _ in
            status.withLock { $0.theme = theme }
            print("theme \(theme)")
        }
        handlers.on(Dashboard.note) { [unowned self] note, _ in
            status.withLock { $0.notes += 1 }
            print("\(note.from): \(note.text)")
        }
        handlers.on(Dashboard.status) { [unowned self] _, _ in status.withLock(\.self) }
        handlers.on(Dashboard.greet) { [id] text, call in
            print("\(call.peerID ?? "?") greets: \(text)")
            return "\(id) greets back"
        }
        handlers.onIntroduction { [unowned self] id, messenger in neighbours.withLock { $0[id] = messenger } }
        return handlers
    }

    private func obey(_ line: String, _ dashboard: Messenger) async throws {
        let words = line.split(separator: " ", maxSplits: 1).map(String.init)
        do {
            switch words.first {
            case "share" where words.count == 2:
                print("\(try await dashboard.request(Dashboard.share, words[1])) windows got it")
            case "greet" where words.count == 2:
                print(try await neighbour(words[1], dashboard).request(Dashboard.greet, "hello from \(id)"))
            default:
                print("share TEXT: to all other windows;  greet ID: one window, past the main window")
            }
        } catch let error as CallError {
            print("\(words[0]) failed: \(error.message)")
        }
    }

    /// The main window introduces the two; then they talk without it.
    private func neighbour(_ id: String, _ dashboard: Messenger) async throws -> Messenger {
        if let known = neighbours.withLock({ $0[id] }), known.closeReason == nil { return known }
        let messenger = try await dashboard.introduce(to: id)
        neighbours.withLock { $0[id] = messenger }
        return messenger
    }
}
