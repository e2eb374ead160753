import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import Glibc

/// What `grow` has taken.
private let grown = Lock<[[UInt8]]>([])

/// What the tests of pools have a worker do.
func addPoolTasks(to worker: Messenger) {
    worker.onRequest("echo") { payload, _ in payload.text.map { .text($0) } }
    worker.on(Request<[Int], Int>("sum")) { numbers, _ in numbers.reduce(0, +) }
    worker.onRequest("process") { _, _ in .text("\(getpid())") }
    // Until it is cancelled.
    worker.onRequest("wait") { _, context in
        _ = try? context.messenger?.post("waiting", .text("\(getpid())"))
        try await Task.sleep(for: .seconds(3_600))
        return nil
    }
    // Whatever it is told.
    worker.onRequest("spin") { _, context in
        _ = try? context.messenger?.post("waiting", .text("\(getpid())"))
        await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in while true { usleep(10_000) } }
        return nil
    }
    worker.onRequest("crash") { payload, _ in
        let line = Array("this is the end: \(payload.text ?? "")\n".utf8)
        write(STDERR_FILENO, line, line.count)
        // Without the backtrace that Swift would write.
        signal(SIGSEGV, SIG_DFL)
        raise(SIGSEGV)
        return nil
    }
    worker.onRequest("die after the answer") { _, context in try await dieAfterTheAnswer(context) }
    worker.onRequest("exit") { payload, _ in exit(Int32(payload.text ?? "") ?? 1) }
    worker.onRequest("refuse") { _, _ in throw CallFailure(.refused, "not that") }
    // As much memory as it is told, for good.
    worker.onRequest("grow") { payload, _ in
        let count = Int(payload.text ?? "") ?? 0
        grown.withLock { $0.append([UInt8](repeating: 1, count: count)) }
        return nil
    }
    worker.onStream("count") { payload, answers, context in
        for number in 0..<(Int(payload.text ?? "") ?? 0) { try await answers.yield(.text("\(number)")) }
        _ = try? context.messenger?.post("counted", .text("\(getpid())"))
    }
    worker.onStream("ticks") { _, answers, context in
        try await answers.yield(.text("first"))
        _ = try? context.messenger?.post("waiting", .text("\(getpid())"))
        try await Task.sleep(for: .seconds(3_600))
    }
    // What came with the task goes back with the answer.
    worker.onRequest("swap") { payload, _ in .text("here", transfer: payload.transferred) }
    worker.onRequest("close") { _, context in
        context.messenger?.close()
        try await Task.sleep(for: .seconds(3_600))
        return nil
    }
    worker.onEvent("news") { payload, context in
        _ = try? context.messenger?.post("heard", .text("\(getpid()) \(payload.text ?? "")"))
    }
    worker.onEvent("go") { _, _ in exit(3) }
    // A worker that asks its parent while it does a task.
    worker.onRequest("ask") { payload, context in
        guard let messenger = context.messenger else { return nil }
        return .text("\(try await messenger.request("price", .forwarding(payload)).text ?? "?")")
    }
}
