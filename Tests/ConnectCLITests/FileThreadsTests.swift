import ConnectToLinux
import Glibc
import Testing

@testable import ConnectCLI

@Suite("The threads that save received files", .timeLimit(.minutes(1))) struct FileThreadsTests {
    private static let honest = FileSender(user: 1, process: "honest")

    /// Work that hangs until it is let go, as in the kernel.
    private final class Hanging: Sendable {
        private let gate: Descriptor
        private let release: Descriptor

        init() throws {
            let (near, far) = try StreamSocket.pair()
            (gate, release) = (near.descriptor, far.descriptor)
        }

        func hang() {
            var byte: UInt8 = 0
            _ = read(gate.rawValue, &byte, 1)
        }

        func letGo() { _ = shutdown(release.rawValue, Int32(SHUT_RDWR)) }
        deinit { letGo() }
    }

    private final class Counter: Sendable {
        private let counts = Lock((running: 0, most: 0))

        var most: Int { counts.withLock { $0.most } }

        func begin() {
            counts.withLock {
                $0.running += 1
                $0.most = max($0.most, $0.running)
            }
        }

        func end() { counts.withLock { $0.running -= 1 } }
    }

    @Test("A file thread's work without progress is given up after the time, and its result is dropped")
    func stalledWorkIsGivenUp() async throws {
        let (threads, hanging) = (FileThreads(patience: .milliseconds(50)), try Hanging())
        await #expect(throws: FileThreads.Refusal.stalled) {
            try await threads.run(for: Self.honest) { _ in hanging.hang() }
        }
        hanging.letGo()
    }

    @Test("A file thread's work with progress is waited for, however long it takes")
    func slowWorkIsWaitedFor() async throws {
        let threads = FileThreads(patience: .milliseconds(200))
        let steps = try await threads.run(for: Self.honest) { attempt in
            let begin = SuspendingClock.now
            var steps = 0
            while begin.duration(to: .now) < .milliseconds(500), (try? attempt.step()) != nil { steps += 1 }
            return steps
        }
        #expect(steps > 0)
        let result = try await threads.run(for: Self.honest) { attempt -> Duration in
            try? attempt.commit()
            let begin = SuspendingClock.now
            while begin.duration(to: .now) < .milliseconds(500) {}
            return begin.duration(to: .now)
        }
        #expect(result >= .milliseconds(500))
    }

    @Test("A file thread's work that was given up learns so when it wants to commit")
    func workLearnsThatItWasGivenUp() async throws {
        let (threads, hanging) = (FileThreads(patience: .milliseconds(50)), try Hanging())
        let learnt = Latch<Bool>()
        await #expect(throws: FileThreads.Refusal.stalled) {
            try await threads.run(for: Self.honest) { attempt in
                hanging.hang()
                learnt.set((try? attempt.commit()) == nil)
            }
        }
        hanging.letGo()
        #expect(await learnt.wait() == true)
    }

    @Test("Files of one process that hang take a few threads, and further files of it are refused meanwhile")
    func filesOfOneProcessTakeFewThreads() async throws {
        let (threads, hanging) = (FileThreads(patience: .milliseconds(50)), try Hanging())
        let sender = FileSender(user: 1, process: "hostile")
        let limit = FileThreads.limits.process
        let outcomes = await withTaskGroup(of: FileThreads.Refusal?.self) { group in
            for _ in 0..<limit + 5 { group.addTask { await Self.refusal(threads, sender, hanging) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == .stalled } == limit)
        #expect(outcomes.count { $0 == .allHang(count: limit) } == 5)
        // Others of the same user go on.
        #expect(try await threads.run(for: Self.honest) { _ in 1 } == 1)
        // And so does it, when one of its files has come to an end.
        hanging.letGo()
        while await Self.refusal(threads, sender, hanging) != nil { await Task.yield() }
    }

    @Test("Files of one user that hang leave threads to other users, however many processes pass them")
    func filesOfOneUserLeaveThreadsToOthers() async throws {
        let (threads, hanging) = (FileThreads(patience: .milliseconds(50)), try Hanging())
        let outcomes = await withTaskGroup(of: FileThreads.Refusal?.self) { group in
            for number in 0..<FileThreads.limits.all {
                group.addTask {
                    await Self.refusal(threads, FileSender(user: 2, process: "\(number)"), hanging)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let limit = FileThreads.limits.user
        #expect(outcomes.count { $0 == .stalled } == limit)
        #expect(outcomes.count { $0 == .allHang(count: limit) } == FileThreads.limits.all - limit)
        #expect(try await threads.run(for: Self.honest) { _ in 1 } == 1)
        hanging.letGo()
    }

    @Test("Files wait while all file threads are busy, and all of them are saved")
    func filesWaitForBusyThreads() async throws {
        let threads = FileThreads(patience: .seconds(30))
        let counter = Counter()
        let sum = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    let result = try? await threads.run(for: Self.honest) { _ in
                        counter.begin()
                        defer { counter.end() }
                        return 1
                    }
                    return result ?? 0
                }
            }
            return await group.reduce(0, +)
        }
        #expect(sum == 50)
        #expect(counter.most <= FileThreads.limits.process)
    }

    private static func refusal(
        _ threads: FileThreads, _ sender: FileSender, _ hanging: Hanging
    ) async -> FileThreads.Refusal? {
        do throws(FileThreads.Refusal) {
            try await threads.run(for: sender) { _ in hanging.hang() }
            return nil
        } catch { return error }
    }
}
