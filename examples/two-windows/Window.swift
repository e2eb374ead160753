import ConnectTo
import ConnectToState
import Foundation

/// One of the windows on a document. All of them share its text: whoever comes first has the name on the bus, and when
/// it goes another one takes it. There is nothing that only one of them has, except the file, which each can save.
@MainActor final class Window {
    private let path: String
    private let terminal: Terminal
    private let state = SharedState()
    private let text: SharedText
    /// It stays beside its character, whatever others write.
    private var cursor: TextCursor
    private var note = "^S saves, ^Q saves and quits, ^C quits"
    private let redraws = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    init(_ path: String, _ terminal: Terminal) {
        self.path = path
        self.terminal = terminal
        text = state.text("text")
        cursor = text.cursor(at: 0)
    }

    /// Returns when the person quits.
    func run(on bus: Bus) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { try await self.share(on: bus) }
            group.addTask { await self.redraw(after: self.text.edits) }
            group.addTask { await self.redraw(after: self.state.presence.changes) }
            group.addTask { await self.redraw(after: self.terminal.resizes()) }
            group.addTask { await self.draw() }
            group.addTask { try await self.takeKeys() }
            while let isOver = try await group.next(), !isOver {}
            group.cancelAll()
        }
        await state.close()
    }

    private func redraw<Events: AsyncSequence>(after events: Events) async -> Bool where Events.Failure == Never {
        for await _ in events { redraws.continuation.yield() }
        return false
    }

    private func share(on bus: Bus) async throws -> Bool {
        show(cursor)
        try await state.share(as: path, on: bus)
        // The window that comes first brings the file.
        if state.ownsName, !hasFile {
            if FileManager.default.fileExists(atPath: path) {
                try text.insert(String(contentsOfFile: path, encoding: .utf8), at: text.utf16Count)
            }
            try state.set("loaded", to: true)
        }
        redraws.continuation.yield()
        return false
    }

    /// Whether the text has what was in the file, so that it may be written there.
    private var hasFile: Bool { state.value(at: "loaded") != nil }

    // MARK: Keys

    private func takeKeys() async throws -> Bool {
        for await key in terminal.keys() where try isLast(key) { return true }
        // The terminal is gone.
        _ = save()
        return true
    }

    private func isLast(_ key: Key) throws -> Bool {
        let page = page
        switch key {
        case .text(let typed): try replace(page.caret..<page.caret, with: typed)
        case .backspace: try replace(page.moved(.left)..<page.caret, with: "")
        case .delete: try replace(page.caret..<page.moved(.right), with: "")
        case .save: _ = save()
        case .quit: if save() { return true }
        case .leave: return true
        default: show(text.cursor(at: page.moved(key)))
        }
        redraws.continuation.yield()
        return false
    }

    private func replace(_ range: Range<Int>, with typed: String) throws {
        try text.replace(range, with: typed)
        show(text.cursor(at: range.lowerBound + typed.utf16.count))
    }

    private func save() -> Bool {
        guard hasFile else {
            note = "not saved: the document is not here yet"
            return false
        }
        do {
            try text.string.write(toFile: path, atomically: true, encoding: .utf8)
            note = "saved"
            return true
        } catch {
            note = "not saved: \(error.localizedDescription)"
            return false
        }
    }

    /// Where this window's cursor is, here and in the others.
    private func show(_ cursor: TextCursor) {
        self.cursor = cursor
        try? state.presence.set("cursor", to: cursor)
    }

    // MARK: Drawing

    private var page: Page { Page(text: text.string, caret: text.offset(of: cursor) ?? 0) }

    private func draw() async -> Bool {
        for await _ in redraws.stream {
            let cursors = state.presence.others.values.compactMap { try? $0["cursor"]?.decode(TextCursor.self) }
            let windows = cursors.isEmpty ? "one window" : "\(cursors.count + 1) windows"
            let (rows, columns) = terminal.size
            let status = "\(windows), \(note): \(path)"
            terminal.write(
                page.drawn(rows: rows, columns: columns, others: cursors.compactMap(text.offset), status: status))
        }
        return false
    }
}
