import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToWorkers
import Glibc
import Testing

/// The program that plays the worker: `Tests/TestWorker`, as it was built.
let testWorker = products + "/ConnectToTestWorker"

extension WorkerProgram {
    static func test(_ role: String = "worker") -> WorkerProgram {
        var program = WorkerProgram.executable(testWorker, arguments: [role])
        program.errorOutput = .kept
        return program
    }
}

/// Handlers that tell of the first event of a type.
func hearing(_ type: String) -> (Handlers, Latch<Void>) {
    let heard = Latch<Void>()
    let handlers = Handlers()
    handlers.onEvent(type) { _, _ in _ = heard.set() }
    return (handlers, heard)
}

extension WorkerProcess {
    func text(_ type: String, _ payload: String = "") async throws(CallError) -> String {
        try await request(type, .text(payload)).text ?? "(no text)"
    }
}

/// The processes of a session. What another process has not waited for yet counts no more.
func members(of session: Int32) throws -> [Int32] {
    try entries(of: "/proc").compactMap { Int32($0) }.filter { getsid($0) == session && state(of: $0)?.letter != "Z" }
}

/// The children of this process that have ended and were not waited for.
func zombies() throws -> [Int32] {
    try entries(of: "/proc").compactMap { Int32($0) }.filter {
        guard let state = state(of: $0) else { return false }
        return state.letter == "Z" && state.parent == getpid()
    }
}

/// Waits until a process, which need not be a child, has ended.
func end(of process: Int32) async throws {
    let number = pidfd(of: process)
    // There is no such process any more.
    guard number >= 0 else { return }
    let descriptor = Descriptor(adopting: number)
    let ended = Latch<Void>()
    let watch = try EventLoop.shared.watch(descriptor.rawValue, for: .read) { _ in _ = ended.set() }
    _ = await ended.wait()
    watch.cancel()
}

/// Keeps this process's loop from reading anything until another process has ended, which has to be a child.
///
/// - Returns: set when the process has ended.
func loopStands(until process: Int32) async throws -> Latch<Void> {
    let isEnded = Latch<Void>()
    let stands = Latch<Void>()
    try EventLoop.shared.execute {
        stands.set()
        var news = siginfo_t()
        _ = waitid(P_PID, id_t(process), &news, WEXITED | WNOWAIT)
        isEnded.set()
    }
    _ = await stands.wait()
    return isEnded
}

/// What a throwing call has thrown.
func failure(of body: () async throws(CallError) -> Void) async -> CallError? {
    do throws(CallError) {
        try await body()
        return nil
    } catch { return error }
}
