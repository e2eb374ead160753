import ConnectTo
import Foundation

/// A view of the document. The window that has registered the document's path owns it: it puts all edits in
/// order, tells the others, which are connected to it, and saves. When it goes, they all try to take its
/// place, and the bus lets one.
actor Window {
    private let path: String
    private var lines: [String] = []
    private var owner: MessagePort?
    private var others: [MessagePort] = []
    /// What was typed before it was known who owns the document; nil from then on.
    private var early: [Edit]? = []
    /// Ends when that is known.
    private let settling = AsyncStream<Never>.makeStream()

    init(_ path: String) throws {
        self.path = path
        if !FileManager.default.fileExists(atPath: path) { return }
        lines = try String(contentsOfFile: path, encoding: .utf8).components(separatedBy: "\n")
        if lines.last == "" { lines.removeLast() }
    }

    func stayConnected(through bus: Bus) async throws {
        while !Task.isCancelled {
            do {
                try await own(bus.register(path))
            } catch let error as ConnectToError where error.code == .nameTaken {
                try await follow(bus.connectTo(path, options: ConnectOptions(wait: .now)))
            } catch let error as ConnectToError where error.code == .contextEnded {
                // Another window has the name now, or the bus is gone: the next try shows which.
            }
        }
    }

    private func own(_ context: Context) async throws {
        try settle(under: nil)
        say("(this window has the document, \(lines.count) lines)")
        try await context.serve { event in try await self.serve(event.source) }
    }

    private func serve(_ other: MessagePort) async throws {
        others.append(other)
        defer { others.removeAll { $0 === other } }
        try other.postMessage(.encoding(lines))
        for try await message in other.messages { try edit(message.decode()) }
    }

    private func follow(_ owner: MessagePort) async throws {
        do {
            try await owner.waitUntilOpen()
            try settle(under: owner)
            for try await message in owner.messages { show(try message.decode()) }
        } catch let error as PortError where [.peerExited, .unavailable].contains(error.reason?.code) {
            // It has gone: its place is free.
        }
    }

    private func settle(under owner: MessagePort?) throws {
        self.owner = owner
        let edits = early ?? []
        early = nil
        for typed in edits { try edit(typed) }
        settling.continuation.finish()
    }

    /// Waits until what was typed has gone to the document.
    func settled() async { for await _ in settling.stream {} }

    /// Only the owner changes the document. The others ask it to, and see their edit when it comes back.
    func edit(_ edit: Edit) throws {
        if early?.append(edit) != nil { return }
        if let owner {
            try owner.postMessage(.encoding(edit))
            return
        }
        var edited = lines
        edit.apply(to: &edited)
        try edited.map { $0 + "\n" }.joined().write(toFile: path, atomically: true, encoding: .utf8)
        show(edited)
        // One that is full or over is left out: it has the whole document with the next edit, or none any more.
        _ = try others.postMessage(.encoding(edited))
    }

    private func show(_ edited: [String]) {
        for (number, line) in edited.enumerated() where number >= lines.count || line != lines[number] {
            say("\(number + 1) \(line)")
        }
        lines = edited
    }

    private func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }
}
