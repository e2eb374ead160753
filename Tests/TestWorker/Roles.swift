import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import ConnectToWorkers
import Glibc

/// A worker that was not made with `Worker`, and does not care for the end of its line or for SIGTERM.
func serveCarelessly() async {
    signal(SIGTERM, SIG_IGN)
    let messenger = (try? MessagePort(adopting: 0)).map { Messenger($0, starts: false) }
    if let messenger { answerAll(messenger) }
    messenger?.start()
    while true { pause() }
}

/// Adds to the file that a handler may have begun, which other processes of the session are still there.
func noteTheEnd() {
    let file = fopen(CommandLine.arguments.last, "a")
    defer { fclose(file) }
    let others = ((try? fileNames(in: "/proc")) ?? []).compactMap { Int32($0) }
        .filter { $0 != getpid() && getsid($0) == getpid() && !contents(of: "/proc/\($0)/stat").contains(") Z ") }
    for other in others { fputs(", and \(other) is there", file) }
}

/// A parent: starts a worker for each thing that it is to do (`idle` for nothing), says its number, and lives on.
func startWorkers(_ things: [String]) async throws {
    var workers: [WorkerProcess] = []
    for thing in things {
        if thing == "setting-up" {
            Task { try await WorkerProcess.start(.thisProgram(arguments: [thing])) }
            continue
        }
        let begun = Latch<Void>()
        let handlers = Handlers()
        handlers.onUnknown { _, _, _ in _ = begun.set() }
        let worker = try await WorkerProcess.start(.thisProgram(arguments: ["worker"]), handlers: handlers)
        workers.append(worker)
        say("worker \(worker.processID)")
        switch thing {
        case "fork": say("worker \(try await worker.request("fork").text ?? "?")")
        case "fork group": say("worker \(try await worker.request("fork", .text("own group")).text ?? "?")")
        case "spin", "hang":
            Task { try await worker.request(thing, within: nil) }
            _ = await begun.wait()
        case "stop": kill(worker.processID, SIGSTOP)
        case "print": _ = try await worker.request("print", .text("printed by the worker"))
        default: break
        }
    }
    say("started")
    while true { pause() }
}

/// Starts a worker while this process has no descriptors left, and again when it has.
func startWithoutDescriptors() async throws {
    _ = try EventLoop.shared
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let before = limit.rlim_cur
    // One more at each try, so that each step of the start fails once.
    let lowest = rlim_t(dup(0))
    close(Int32(lowest))
    var words: Set<String> = []
    for room in rlim_t(0)..<12 {
        limit.rlim_cur = lowest + room
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        do throws(CallError) {
            await (try WorkerProcess.start(.thisProgram(arguments: ["worker"]))).terminate()
            break
        } catch {
            let isClear = error.code == .workerNotStarted && error.message.contains("ulimit -n")
            words.insert(isClear ? "clear" : "\(error)")
        }
    }
    limit.rlim_cur = before
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    for word in words { say(word) }
    let worker = try await WorkerProcess.start(.thisProgram(arguments: ["worker"]))
    say("recovered: \(try await worker.request("echo", .text("hello")).text ?? "?")")
    await worker.terminate()
}

/// Starts a program while this user may have no more processes, and again when it may. Root is not bound by that limit,
/// so this becomes another user first.
func startWithoutProcesses() async throws {
    _ = try EventLoop.shared
    if geteuid() == 0, setgid(4_243) != 0 || setuid(4_243) != 0 { return say("cannot become another user") }
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(__RLIMIT_NPROC.rawValue), &limit)
    let before = limit.rlim_cur
    limit.rlim_cur = 1
    setrlimit(__rlimit_resource_t(__RLIMIT_NPROC.rawValue), &limit)
    say(await outcome())
    limit.rlim_cur = before
    setrlimit(__rlimit_resource_t(__RLIMIT_NPROC.rawValue), &limit)
    say(await outcome())

    func outcome() async -> String {
        do {
            _ = try await WorkerProcess.start(.executable("/bin/false"))
            return "started"
        } catch {
            return "\(error)"
        }
    }
}
