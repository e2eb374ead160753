import ConnectTo
import ConnectToMessaging
import Glibc
import Synchronization
import Testing

/// Runs each job on Swift's pool, and counts them.
private final class CountingExecutor: TaskExecutor {
    private let jobs = Atomic<Int>(0)

    var count: Int { jobs.load(ordering: .relaxed) }

    func enqueue(_ job: consuming ExecutorJob) {
        jobs.add(1, ordering: .relaxed)
        let job = UnownedJob(job)
        let executor = asUnownedTaskExecutor()
        Task { job.runSynchronously(on: executor) }
    }
}

@Suite("Where handlers run", .timeLimit(.minutes(1)))
struct HandlerExecutorTests {
    @Test("Handlers run on the executor that the messenger's options name")
    func executor() async throws {
        let executor = CountingExecutor()
        var options = MessengerOptions()
        options.executor = executor
        let channel = try MessageChannel()
        let caller = Messenger(channel.port1)
        let callee = Messenger(channel.port2, options: options)
        callee.on(Sample.nested) { number, _ in
            await Task.yield()
            return withUnsafeCurrentTask { $0?.unownedTaskExecutor } == executor.asUnownedTaskExecutor() ? number : 0
        }
        #expect(try await caller.request(Sample.nested, 1) == 1)
        #expect(executor.count > 0)
    }

    @Test("With the executor of the port's loop, handlers start on the loop's thread, in their order")
    func loop() throws {
        let loop = try EventLoop.makeDrivenByForeignLoop()
        var options = MessengerOptions()
        options.executor = loop.executor
        let channel = try MessageChannel(on: loop)
        let caller = Messenger(channel.port1, options: options)
        let callee = Messenger(channel.port2, options: options)
        let here = pthread_self()
        let started = Mutex<[Int]>([])
        callee.on(Sample.nested) { number, _ in
            #expect(pthread_self() == here)
            started.withLock { $0.append(number) }
            return number
        }
        callee.on(Sample.add) { pair, _ in
            #expect(pthread_self() == here)
            started.withLock { $0.append(pair.a) }
            await Task.yield()
            #expect(pthread_self() == here)
            return pair.a
        }
        let answers = Mutex<[Int]>([])
        for number in 0..<10 {
            Task(executorPreference: loop.executor) { @Sendable in
                let answer =
                    number % 2 == 0
                    ? try await caller.request(Sample.nested, number)
                    : try await caller.request(Sample.add, Sample.Pair(a: number, b: 0))
                answers.withLock { $0.append(answer) }
            }
        }
        while answers.withLock(\.count) < 10 {
            var request = pollfd(fd: loop.pollableDescriptor, events: Int16(POLLIN), revents: 0)
            poll(&request, 1, -1)
            loop.runReady()
        }
        #expect(started.withLock { $0 } == Array(0..<10))
        #expect(answers.withLock { $0.sorted() } == Array(0..<10))
    }
}
