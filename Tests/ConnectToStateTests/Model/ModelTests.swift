import ConnectToTestSupport
import FoundationEssentials
import Testing

@Suite("Shared state beside its model", .timeLimit(.minutes(5)))
struct ModelTests {
    /// The model is Tests/ConnectToStateTests/Model/model.py; `model.py SEED 1 --show SEED` shows what it has where the
    /// replicas differ from it.
    @Test("After each step of random schedules every replica is what it is in the model, and its changes add up")
    func schedules() async throws {
        try await replay("model.py")
    }

    @Test("After each step of random schedules every text is what it is in the model, and its edits add up")
    func textSchedules() async throws {
        try await replay("text_model.py")
    }

    private func replay(_ name: String) async throws {
        let model = URL(filePath: #filePath).deletingLastPathComponent().appending(path: name).path
        let count = ProcessInfo.processInfo.environment["CONNECTTO_SCHEDULES"].flatMap { Int($0) } ?? 100
        try await withProcess("/usr/bin/python3", [model, "0", "\(count)"]) { process in
            var replay = Replay()
            while let line = await process.line() {
                do {
                    try replay.take(line)
                } catch {
                    Issue.record("\(replay.place): \(error)")
                    return
                }
            }
            #expect(replay.ended == count, "the model has ended before: see what it says when it is run alone")
        }
    }
}
