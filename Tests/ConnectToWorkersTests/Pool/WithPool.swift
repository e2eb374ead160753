import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import ConnectToWorkers
import Glibc
import Testing

extension WorkerProgram {
    /// The program with the tasks of `Tests/TestWorker`.
    static var poolTasks: WorkerProgram {
        var program = WorkerProgram.executable(products + "/ConnectToTestWorker", arguments: ["pool"])
        program.errorOutput = .kept
        return program
    }
}

/// What the workers of a pool have said by themselves.
struct Said {
    let handlers = Handlers()
    private let words: AsyncStream<(String, String)>

    init() {
        let (words, sink) = AsyncStream<(String, String)>.makeStream()
        self.words = words
        handlers.onUnknown { type, payload, _ in sink.yield((type, payload.text ?? "")) }
    }

    /// The text of the next event of a type.
    func next(_ type: String) async -> String? {
        for await (said, text) in words where said == type { return text }
        return nil
    }

    /// The process that does the next task which says so.
    func waitingProcess() async throws -> Int32 {
        try #require(await next("waiting").flatMap { Int32($0) })
    }
}

/// Runs a pool, and checks that nothing of it is left afterwards: no process, no zombie, no descriptor.
func withPool<Result: Sendable>(
    _ limits: WorkerLimits = WorkerLimits(maximum: 2), _ program: WorkerProgram = .poolTasks,
    sourceLocation: SourceLocation = #_sourceLocation, _ body: (WorkerPool, Said) async throws -> Result
) async throws -> Result {
    try await expectNoDescriptorLeak {
        let said = Said()
        let pool = WorkerPool(program, limits: limits, handlers: said.handlers)
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body(pool, said)) } catch { result = .failure(error) }
        await pool.terminate()
        #expect(pool.status.state == .closed, sourceLocation: sourceLocation)
        #expect(children() == [], "processes that are left", sourceLocation: sourceLocation)
        return try result.get()
    }
}

/// Waits until a process is no more.
func waitUntilGone(_ process: Int32) async throws {
    while kill(process, 0) == 0 { try await Task.sleep(for: .milliseconds(5)) }
}

extension WorkerPool {
    func text(_ type: String, _ text: String = "", within limit: Duration? = .seconds(30)) async throws -> String {
        try #require(try await run(type, .text(text), within: limit).text)
    }
}
