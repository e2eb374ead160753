import ConnectTo
import ConnectToMessaging
import ConnectToWorkers
@preconcurrency import Foundation

/// A directory of pictures and one of their thumbnails, with the pool that makes these.
struct Album {
    let pictures: String
    let output: String
    let pool: WorkerPool
    /// Of one picture, from when a worker begins with it.
    static let limit: Duration = .seconds(2)

    /// Renders all pictures, and says of each what has come of it.
    ///
    /// - Returns: whether each has a thumbnail.
    func render() async throws -> Bool {
        let names = try FileManager.default.contentsOfDirectory(atPath: pictures).filter { $0.hasSuffix(".ppm") }
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        let failures = await withTaskGroup(of: Bool.self) { group in
            var waiting = names.sorted()[...]
            var failures = 0
            // Each has two files open, so no more than a few at once.
            for name in waiting.prefix(64) { group.addTask { await render(name) } }
            waiting = waiting.dropFirst(64)
            for await isRendered in group {
                if !isRendered { failures += 1 }
                if let name = waiting.popFirst() { group.addTask { await render(name) } }
            }
            return failures
        }
        await pool.drain(within: .seconds(1))
        print("\(names.count - failures) thumbnails, \(failures) failures")
        return failures == 0
    }

    private func render(_ name: String) async -> Bool {
        do {
            let size = try await pool.run(Thumbnails.render, rendering(of: name), within: Self.limit)
            print("\(name): \(size.width) × \(size.height)")
            return true
        } catch {
            unlink("\(output)/\(name)")
            print("\(name): \(sentence(error))")
            return false
        }
    }

    private func sentence(_ error: any Error) -> String {
        guard let error = error as? CallError else { return "\(error)" }
        if error.code == .timedOut { return "not done within \(Self.limit)" }
        guard let exit = error.workerExit else { return error.message }
        let lines = exit.errorLines.split(separator: "\n")
        // Swift writes why it has trapped, and then where.
        let words = lines.last { $0.contains("Fatal error") } ?? lines.last
        return "its worker \(exit.cause)" + (words.map { ": \($0)" } ?? "")
    }

    private func rendering(of name: String) throws -> Rendering {
        let image = open("\(pictures)/\(name)", O_RDONLY | O_CLOEXEC)
        if image < 0 { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        let file = OpenFile(adopting: image)
        let thumbnail = open("\(output)/\(name)", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        if thumbnail < 0 { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        return Rendering(image: file, thumbnail: OpenFile(adopting: thumbnail), side: 64)
    }
}
