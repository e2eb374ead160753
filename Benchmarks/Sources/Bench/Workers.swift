import CBench
import ConnectTo
import ConnectToMessaging
import ConnectToWorkers
import Glibc
import Synchronization

// Measurements of a pool whose workers are this program again.

/// What parent and workers call their tasks.
enum Tasks {
    static let nothing = Request<NoPayload, NoPayload>("nothing")
    static let echo = Request<[UInt8], [UInt8]>("echo")
    static let stamp = Request<Stamping, NoPayload>("stamp")
    /// The same in memory that has come with an earlier task.
    static let stampKept = Request<UInt64, NoPayload>("stamp-kept")
    static let work = Request<NoPayload, NoPayload>("work")
}

/// Memory that both see: the worker checks its stamps, and stamps it with the next number.
struct Stamping: Codable, Sendable {
    var number: UInt64
    @Transferred var buffer: SharedBuffer
}

extension Work {
    /// `Bench worker 0 0` is a worker. `Bench nothing 0 0` ends at once: what starting a process takes at the least.
    static let worker = "worker", nothing = "nothing"

    func serveTasks() async throws {
        try await Worker.main(options: try callOptions) { worker in
            worker.on(Tasks.nothing) { _, _ in NoPayload() }
            worker.on(Tasks.echo) { message, _ in
                check(message.isStamped(message.firstNumber), "a task did not arrive intact")
                return message
            }
            let kept = Mutex<SharedBuffer?>(nil)
            worker.on(Tasks.stamp) { task, _ in
                task.buffer.answer(to: task.number)
                kept.withLock { $0 = task.buffer }
                return NoPayload()
            }
            worker.on(Tasks.stampKept) { number, _ in
                kept.withLock { $0 }?.answer(to: number)
                return NoPayload()
            }
            worker.on(Tasks.work) { _, _ in
                let end = threadTime() + 1000
                while threadTime() < end {}
                return NoPayload()
            }
        }
    }

    func measurePool() async throws {
        switch what {
        case "poolone": try await poolOne()
        case "poolmany": try await poolMany()
        case "poolbulk": try await poolBulk()
        case "poolfirst": try await poolFirst()
        case "poolwork": try await poolWork()
        case "poolidle": try await poolIdle()
        default: fail("there is no measurement \(what)")
        }
    }

    /// BENCH_TASKS is how many tasks a worker has at the same time; 1 if not set.
    private func pool(_ workers: Int) throws -> WorkerPool {
        // By name: /proc/self/exe is valgrind, where that runs this program.
        let program = WorkerProgram.executable(CommandLine.arguments[0], arguments: [Self.worker, "0", "0"])
        let tasks = environment("BENCH_TASKS").flatMap { Int($0) } ?? 1
        return WorkerPool(
            program, limits: WorkerLimits(minimum: workers, maximum: workers, tasksPerWorker: tasks),
            options: try callOptions)
    }

    /// A pool whose workers are all there and have worked.
    private func warmPool(_ workers: Int) async throws -> WorkerPool {
        let pool = try pool(workers)
        var ready = 0
        for await event in pool.events {
            if case .ready = event { ready += 1 }
            if ready == workers { break }
        }
        _ = try await time(10 * workers, Tasks.nothing, in: pool)
        return pool
    }

    // MARK: Empty tasks

    private func poolOne() async throws {
        let pool = try await warmPool(size)
        var samples = Samples()
        let begin = bench_now()
        let deadline = deadline
        var count = 0
        while bench_now() < deadline || count < 120 {
            let begin = bench_now()
            _ = try await pool.run(Tasks.nothing)
            samples.add(since: begin)
            count += 1
        }
        report(Double(count) / (bench_now() - begin) * 1e6, "per_s", as: "poolone rate")
        report(&samples)
        report(samples.p99, "us", as: "poolone p99")
        await pool.terminate()
    }

    private func poolMany() async throws {
        let pool = try await warmPool(size)
        let begin = bench_now()
        let deadline = deadline
        let answers = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    var count = 0
                    while bench_now() < deadline {
                        _ = try await pool.run(Tasks.nothing)
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        report(Double(answers) / (bench_now() - begin) * 1e6, "per_s")
        report(1e6 * 4000 / (try await time(4000, Tasks.nothing, in: pool)), "per_s", as: "poolmany all")
        await pool.terminate()
    }

    /// Gives so many tasks at once.
    ///
    /// - Returns: how long they take, in microseconds.
    private func time(_ count: Int, _ task: Request<NoPayload, NoPayload>, in pool: WorkerPool) async throws -> Double {
        let begin = bench_now()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<count { group.addTask { _ = try await pool.run(task) } }
            try await group.waitForAll()
        }
        return bench_now() - begin
    }

    // MARK: Bytes

    private func poolBulk() async throws {
        let pool = try await warmPool(1)
        var message = [UInt8](repeating: 0, count: size)
        var copied = try await bulk { number in
            message.stamp(number)
            let answer = try await pool.run(Tasks.echo, message)
            check(answer.isStamped(number), "task \(number) did not come back intact")
        }
        report(&copied)
        let buffer = try SharedBuffer(count: size, mode: .shared)
        var shared = try await bulk { number in
            buffer.stamp(number)
            _ = try await pool.run(Tasks.stamp, Stamping(number: number, buffer: buffer))
            check(buffer.isStamped(number + 1), "buffer \(number) did not come back intact")
        }
        report(&shared, as: "poolbulk shared")
        var kept = try await bulk { number in
            buffer.stamp(number)
            _ = try await pool.run(Tasks.stampKept, number)
            check(buffer.isStamped(number + 1), "buffer \(number) did not come back intact")
        }
        report(&kept, as: "poolbulk kept")
        await pool.terminate()
    }

    private func bulk(_ thereAndBack: (UInt64) async throws -> Void) async throws -> Samples {
        var samples = Samples()
        let deadline = deadline
        var number: UInt64 = 0
        while bench_now() < deadline || number < 120 {
            let begin = bench_now()
            try await thereAndBack(number)
            if number >= 20 { samples.add(since: begin) }
            number += 1
        }
        return samples
    }

    // MARK: Starting and working

    /// From making a pool of one worker to its first answer, and beside it what a process takes that does nothing.
    private func poolFirst() async throws {
        var samples = Samples()
        var spawns = Samples()
        for _ in 0..<size {
            let begin = bench_now()
            let pool = try pool(1)
            _ = try await pool.run(Tasks.nothing)
            samples.add(since: begin)
            await pool.terminate()
            spawns.add(since: startNothing())
        }
        report(&samples)
        report(&spawns, as: "poolfirst spawn")
    }

    /// - Returns: when it began.
    private func startNothing() -> Double {
        let begin = bench_now()
        var pid = pid_t()
        let arguments: [UnsafeMutablePointer<CChar>?] = [
            strdup("Bench"), strdup(Self.nothing), strdup("0"), strdup("0"), nil,
        ]
        defer { for argument in arguments { free(argument) } }
        let error = posix_spawn(&pid, "/proc/self/exe", nil, nil, arguments, environ)
        check(error == 0, "a process cannot be started: \(String(cString: strerror(error)))")
        waitpid(pid, nil, 0)
        return begin
    }

    /// A second of work in tasks of 1 ms: what part of perfect it is.
    private func poolWork() async throws {
        let pool = try await warmPool(size)
        report(1e6 / Double(size) / (try await time(1000, Tasks.work, in: pool)), "part")
        await pool.terminate()
    }

    /// After it a process has given back what it keeps for a second or two after a burst.
    private static let rest: Duration = .seconds(3)

    /// What this process holds for each worker that does nothing: for those of a second pool, once there is one.
    private func poolIdle() async throws {
        let first = try await warmPool(size)
        try await Task.sleep(for: Self.rest)
        let before = (resident: residentMemory(), heap: bench_heap())
        let second = try await warmPool(size)
        try await Task.sleep(for: Self.rest)
        report(Double(residentMemory() - before.resident) / Double(size), "B")
        report((Double(bench_heap()) - Double(before.heap)) / Double(size), "B", as: "poolidle heap")
        await second.terminate()
        await first.terminate()
    }
}

/// The processor's time that this thread has had, in microseconds.
private func threadTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
}

/// In bytes.
private func residentMemory() -> Int {
    let file = fopen("/proc/self/statm", "r")
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 100)
    guard fgets(&line, 100, file) != nil else { fail("/proc/self/statm cannot be read") }
    let words = String(decoding: line.map(UInt8.init(bitPattern:)), as: UTF8.self).split(separator: " ")
    return (Int(words[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE))
}

extension [UInt8] {
    fileprivate var firstNumber: UInt64 { withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } }
}

extension SharedBuffer {
    fileprivate func stamp(_ number: UInt64) {
        _ = withUnsafeMutableBytes { bench_stamp($0.baseAddress, $0.count, number) }
    }

    /// What the worker does with it.
    fileprivate func answer(to number: UInt64) {
        check(isStamped(number), "buffer \(number) did not arrive intact")
        stamp(number + 1)
    }

    fileprivate func isStamped(_ number: UInt64) -> Bool {
        withUnsafeBytes { bench_is_stamped($0.baseAddress, $0.count, number) != 0 } ?? false
    }
}
