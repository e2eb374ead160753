import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToWorkers
import Glibc

/// A task for a worker of the soak, and what happens to it.
private struct Work: Sendable {
    /// What the worker does (`Tests/TestWorker/PoolTasks.swift`).
    enum Kind: String, CaseIterable, Sendable {
        case echo, count, refuse, crash, exit, wait, spin
    }

    let kind: Kind
    let number: Int
    let limit: Duration
    let isCancelled: Bool
    /// Whether it waits for room in the queue.
    let isPatient: Bool

    init(number: Int, _ chance: inout Seeded) {
        self.number = number
        // Mostly one that is done.
        kind = Int.random(in: 0..<4, using: &chance) == 0 ? .allCases.randomElement(using: &chance) ?? .echo : .echo
        limit = kind == .wait || kind == .spin ? .milliseconds(Int.random(in: 1...100, using: &chance)) : .seconds(60)
        isCancelled = Int.random(in: 0..<8, using: &chance) == 0
        isPatient = Bool.random(using: &chance)
    }

    /// Has a pool do it.
    /// - Returns: how it has ended, in a word.
    /// - Throws: ``Broken`` where it must not end so.
    func run(on pool: WorkerPool) async throws(Broken) -> String {
        do throws(CallError) {
            let answer = try await answer(of: pool)
            let isRight = kind == .count ? answer == "40" : kind == .echo && answer == "\(number)"
            if isRight { return "done" }
            throw CallError(.invalidPayload, "the answer \(answer)")
        } catch {
            let mayBe =
                switch error.code {
                // Any worker may be killed at any time.
                case .workerCrashed: true
                case .cancelled: isCancelled
                case .timedOut: kind == .wait || kind == .spin
                case .refused: kind == .refuse
                case .queueFull: !isPatient
                default: false
                }
            if mayBe { return error.code.rawValue }
            throw Broken("\(self) has ended as \(error)")
        }
    }

    private func answer(of pool: WorkerPool) async throws(CallError) -> String {
        if kind == .count {
            var next = 0
            for try await element in pool.stream(kind.rawValue, .text("40"), within: limit) {
                if element.text != "\(next)" { return "the element \(element.text ?? "?") in place of \(next)" }
                next += 1
            }
            return "\(next)"
        }
        let payload = OutgoingMessage.text("\(number)")
        let answer =
            isPatient
            ? try await pool.run(kind.rawValue, payload, within: limit)
            : try await pool.tryRun(kind.rawValue, payload, within: limit)
        return answer.text ?? "nothing"
    }
}

extension Scene {
    /// Pools whose workers crash, are killed and are recycled while tasks go on: each task ends once, and as it may, and
    /// no process of a pool outlives it.
    func killWorkers(_ chance: Seeded) async throws {
        var chance = chance
        while !isOver {
            let limits = WorkerLimits(
                maximum: Int.random(in: 1...3, using: &chance),
                tasksPerWorker: Int.random(in: 1...2, using: &chance), queue: Int.random(in: 1...64, using: &chance),
                idleTime: .milliseconds(Int.random(in: 0...50, using: &chance)), grace: .milliseconds(100),
                tasksBeforeRecycling: Bool.random(using: &chance) ? Int.random(in: 1...20, using: &chance) : nil,
                // Workers that are killed before their first task are no reason to give up.
                failedStarts: 1_000)
            var program = WorkerProgram.executable(products + "/ConnectToTestWorker", arguments: ["pool"])
            program.errorOutput = .kept
            var pool: WorkerPool? = WorkerPool(program, limits: limits)
            guard let events = pool?.events else { return }
            let workers = Task { await followWorkers(events) }
            if let pool { try await giveTasks(to: pool, &chance) }
            switch Int.random(in: 0..<3, using: &chance) {
            case 0: await pool?.drain(within: Self.patience)
            case 1: await pool?.terminate()
            default: break
            }
            pool = nil
            let left = try await step("the end of a pool") { await workers.value }
            try hold(left.isEmpty, "a pool has ended, and not its workers \(left.sorted())")
            tally.add("pools")
        }
    }

    /// Counts how workers end.
    /// - Returns: at the end of the pool, the processes that are left of it.
    private func followWorkers(_ events: WorkerEvents) async -> Set<Int32> {
        var processes: Set<Int32> = []
        for await event in events {
            switch event {
            case .ready(let worker): processes.insert(worker.processID)
            case .exited(let worker, let exit):
                processes.remove(worker.processID)
                tally.add(exit.cause == .exited(0) ? "workers that ended in order" : "workers that did not")
            case .started, .failed, .broken: break
            }
        }
        return processes
    }

    /// Gives a pool tasks of all kinds, and kills workers meanwhile.
    private func giveTasks(to pool: WorkerPool, _ chance: inout Seeded) async throws {
        let tasks = (0..<Int.random(in: 1...200, using: &chance)).map { Work(number: $0, &chance) }
        let killing = Task { [chance = chance.fork()] in await killSome(of: pool, chance) }
        let outcomes = try await withThrowingTaskGroup(of: String.self) { group in
            for work in tasks {
                group.addTask {
                    let running = Task { try await work.run(on: pool) }
                    if work.isCancelled { running.cancel() }
                    return try await step("the task \(work)") { try await running.value }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        killing.cancel()
        await killing.value
        try hold(outcomes.count == tasks.count, "\(tasks.count) tasks have \(outcomes.count) outcomes")
        for outcome in outcomes { tally.add("tasks: \(outcome)") }
    }

    private func killSome(of pool: WorkerPool, _ chance: Seeded) async {
        var chance = chance
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(Int.random(in: 0..<300, using: &chance)))
            // One may have gone since, and its number be another process's.
            guard let victim = pool.workers.randomElement(using: &chance)?.processID, children().contains(victim)
            else { continue }
            kill(victim, Bool.random(using: &chance) ? SIGKILL : SIGTERM)
            tally.add("workers that were sent a signal")
        }
    }
}
