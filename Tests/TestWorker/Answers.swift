import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import ConnectToWorkers
import Glibc

/// Writes a text line at once.
func say(_ line: String) {
    print(line)
    fflush(nil)
}

/// Computes for ever.
func spin() {
    var number: UInt64 = 1
    while number != 0 { number = number &* 6_364_136_223_846_793_005 | 1 }
}

/// Whatever a test wants a worker to do.
func answerAll(_ worker: some CallHandling) {
    worker.onRequest("echo") { payload, _ in payload.kind == nil ? nil : .text(payload.text ?? "?") }
    worker.onRequest("environment") { payload, _ in
        .text(environmentVariable(payload.text ?? "").map { String(decoding: $0, as: UTF8.self) } ?? "(none)")
    }
    worker.onRequest("directory") { _, _ in .text(linkTarget("/proc/self/cwd") ?? "?") }
    worker.onRequest("input") { _, _ in .text(linkTarget("/proc/self/fd/0") ?? "?") }
    worker.onRequest("session") { _, _ in .text("\(getsid(0)) \(getpgid(0))") }
    worker.onRequest("limits") { _, _ in .text(contents(of: "/proc/self/limits")) }
    worker.onRequest("niceness") { _, _ in
        .text(contents(of: "/proc/self/stat").split(separator: ")").last?.split(separator: " ")[16].description ?? "?")
    }
    worker.onRequest("print") { payload, _ in
        print(payload.text ?? "")
        return nil
    }
    worker.onRequest("write errors") { payload, _ in
        for number in 0..<(Int(payload.text ?? "") ?? 0) { fputs("error line \(number)\n", stderr()) }
        return nil
    }
    worker.onRequest("exit") { payload, _ in exit(Int32(payload.text ?? "") ?? 0) }
    worker.onRequest("raise") { payload, _ in
        // Not raise(3): the threads of Swift's pool block most signals.
        kill(getpid(), Int32(payload.text ?? "") ?? 0)
        pause()
        return nil
    }
    worker.onRequest("spin") { _, call in
        _ = try? call.messenger?.post("spinning")
        spin()
        return nil
    }
    // Takes no notice of being cancelled.
    worker.onRequest("hang") { _, call async throws -> OutgoingMessage? in
        _ = try? call.messenger?.post("hanging")
        _ = await Task { await Latch<Void>().wait() }.value
        return nil
    }
    // Tells in a file that it was cancelled, since nobody hears it otherwise.
    worker.onRequest("clean up") { payload, call async throws -> OutgoingMessage? in
        _ = try? call.messenger?.post("hanging")
        _ = await Latch<Void>().wait()
        let file = fopen(payload.text ?? "", "w")
        fputs("cleaned up", file)
        fclose(file)
        return nil
    }
    worker.onRequest("die after the answer") { _, call in try await dieAfterTheAnswer(call) }
    worker.onRequest("ignore SIGTERM") { _, _ in
        signal(SIGTERM, SIG_IGN)
        return nil
    }
    worker.onRequest("fork") { payload, _ in
        .text("\(start(["sleep", "1000"], inGroupOfItsOwn: payload.text == "own group"))")
    }
    worker.onRequest("close") { _, call in
        call.messenger?.close()
        return nil
    }
}

/// Answers behind more events than the other side's loop takes in one turn, and is killed by then.
func dieAfterTheAnswer(_ call: CallContext) async throws -> OutgoingMessage? {
    let loop = try EventLoop.shared
    let arePosted = Latch<Void>()
    // In one turn of the loop, so that they go together: the kernel holds few messages that go alone.
    loop.execute {
        for _ in 0..<1_500 { _ = try? call.messenger?.post("before the answer") }
        arePosted.set()
    }
    _ = await arePosted.wait()
    loop.schedule(after: .milliseconds(100)) { kill(getpid(), SIGKILL) }
    return .text("answer")
}

private func stderr() -> UnsafeMutablePointer<FILE>? { errors }
private nonisolated(unsafe) let errors = fdopen(2, "w")

func contents(of path: String) -> String {
    guard let file = fopen(path, "r") else { return "?" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 8_192)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
}

/// Starts a program as a child of this process, and returns its number.
func start(_ words: [String], inGroupOfItsOwn: Bool) -> Int32 {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    if inGroupOfItsOwn { posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP)) }
    var arguments = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var child: Int32 = 0
    posix_spawnp(&child, words[0], nil, &attributes, &arguments, environ)
    return child
}
