import ConnectToTestSupport
import Testing

@testable import ConnectToWorkers

@Suite("The scheduler of a pool")
struct SchedulerTests {
    let now = Scheduler.Instant.now

    /// A scheduler with workers that are ready, the last one used least recently.
    private func scheduler(_ limits: WorkerLimits, ready count: Int) -> Scheduler {
        var limits = limits
        limits.minimum = count
        var scheduler = Scheduler(limits: limits, chance: Seeded(1))
        _ = scheduler.decide(at: now)
        for id in 1...max(count, 1) { _ = scheduler.didBecomeReady(id, at: now) }
        return scheduler
    }

    @Test("A task that comes to an empty pool starts a worker, and is sent when that is ready")
    func firstTask() throws {
        var scheduler = Scheduler(limits: WorkerLimits(maximum: 2), chance: Seeded(1))
        #expect(try scheduler.submit(1, at: now) == [.start(1)])
        #expect(scheduler.didBecomeReady(1, at: now) == [.send(1, to: 1)])
        #expect(scheduler.didEnd(1, by: 1, at: now) == [])
        #expect(scheduler.nextDeadline == now + .seconds(10))
        #expect(scheduler.timeDidPass(at: now + .seconds(10)) == [.end(1)])
        #expect(scheduler.didExit(1, at: now) == [])
        #expect(scheduler.nextDeadline == nil)
    }

    @Test("The worker that was used last gets the next task")
    func warmWorkerFirst() throws {
        var scheduler = scheduler(WorkerLimits(maximum: 3), ready: 3)
        let first = try scheduler.submit(1, at: now)
        guard case .send(1, let warm)? = first.first else { throw SchedulerSimulation.Broken(description: "\(first)") }
        for task: Scheduler.TaskID in 2...5 {
            _ = scheduler.didEnd(task - 1, by: warm, at: now)
            #expect(try scheduler.submit(task, at: now) == [.send(task, to: warm)])
        }
    }

    @Test("The oldest task goes first, whatever stood in between and has gone")
    func oldestFirst() throws {
        var scheduler = scheduler(WorkerLimits(maximum: 1), ready: 1)
        for task: Scheduler.TaskID in 1...4 { _ = try scheduler.submit(task, at: now) }
        #expect(scheduler.cancel(2, at: now) == [.fail(2, .cancelled)])
        #expect(scheduler.cancel(3, at: now) == [.fail(3, .cancelled)])
        #expect(scheduler.didEnd(1, by: 1, at: now) == [.send(4, to: 1)])
    }

    @Test("Workers that have room get tasks before the busy ones get a second")
    func fewestFirst() throws {
        var scheduler = scheduler(WorkerLimits(maximum: 2, tasksPerWorker: 2), ready: 2)
        var sent: [Scheduler.WorkerID] = []
        for task: Scheduler.TaskID in 1...5 {
            for case .send(_, let worker) in try scheduler.submit(task, at: now) { sent.append(worker) }
        }
        #expect(Set(sent.prefix(2)) == [1, 2])
        #expect(Set(sent.suffix(2)) == [1, 2])
        #expect(scheduler.waiting.count == 1)
    }

    @Test("A full queue refuses a task that does not want to wait, and takes one that does")
    func fullQueue() throws {
        var scheduler = scheduler(WorkerLimits(maximum: 1, queue: 1), ready: 1)
        _ = try scheduler.submit(1, refusesIfFull: true, at: now)
        _ = try scheduler.submit(2, refusesIfFull: true, at: now)
        #expect(throws: Scheduler.Refusal.full) { try scheduler.submit(3, refusesIfFull: true, at: now) }
        _ = try scheduler.submit(4, at: now)
        #expect(scheduler.waiting.count == 2)
        _ = scheduler.cancel(2, at: now)
        _ = scheduler.cancel(4, at: now)
        _ = try scheduler.submit(5, refusesIfFull: true, at: now)
    }

    @Test("A task that has waited for its time fails, and not one that runs")
    func queueTime() throws {
        var scheduler = scheduler(WorkerLimits(maximum: 1), ready: 1)
        _ = try scheduler.submit(1, waitingUntil: now + .seconds(1), at: now)
        _ = try scheduler.submit(2, waitingUntil: now + .seconds(2), at: now)
        _ = try scheduler.submit(3, waitingUntil: now + .seconds(1), at: now)
        #expect(scheduler.nextDeadline == now + .seconds(1))
        #expect(scheduler.timeDidPass(at: now + .seconds(1)) == [.fail(3, .waitedTooLong)])
        #expect(scheduler.nextDeadline == now + .seconds(2))
        #expect(scheduler.timeDidPass(at: now + .seconds(2)) == [.fail(2, .waitedTooLong)])
    }

    @Test("A worker that goes on with a task that was given up gets no other, and is killed after the grace")
    func stuckWorker() throws {
        var scheduler = scheduler(WorkerLimits(maximum: 1, grace: .seconds(3)), ready: 1)
        _ = try scheduler.submit(1, at: now)
        _ = try scheduler.submit(2, at: now)
        #expect(scheduler.cancel(1, at: now) == [.fail(1, .cancelled)])
        #expect(scheduler.nextDeadline == now + .seconds(3))
        #expect(scheduler.timeDidPass(at: now + .seconds(2)) == [])
        #expect(scheduler.timeDidPass(at: now + .seconds(3)) == [.kill(1)])
        #expect(scheduler.didEnd(1, by: 1, at: now) == [])
        #expect(scheduler.didExit(1, at: now) == [.start(2)])
        #expect(scheduler.didBecomeReady(2, at: now) == [.send(2, to: 2)])
    }

    @Test("A worker that answers within the grace goes on with the next task")
    func obedientWorker() throws {
        var scheduler = scheduler(WorkerLimits(maximum: 1), ready: 1)
        _ = try scheduler.submit(1, at: now)
        _ = try scheduler.submit(2, at: now)
        #expect(scheduler.didGiveUp(1, by: 1, at: now) == [])
        #expect(scheduler.didEnd(1, by: 1, at: now) == [.send(2, to: 1)])
        #expect(scheduler.timeDidPass(at: now + .seconds(1)) == [])
    }

    @Test(
        "A worker is replaced after its last task, by one that was started while it had that",
        arguments: [1, 2, 5])
    func recycling(_ count: Int) throws {
        var scheduler = Scheduler(
            limits: WorkerLimits(maximum: 1, tasksBeforeRecycling: count), chance: Seeded(1))
        for task in 1...Scheduler.TaskID(count + 1) { _ = try scheduler.submit(task, at: now) }
        var actions = scheduler.didBecomeReady(1, at: now)
        for task in 1..<Scheduler.TaskID(count) {
            #expect(actions == [.send(task, to: 1)])
            actions = scheduler.didEnd(task, by: 1, at: now)
        }
        #expect(actions == [.send(Scheduler.TaskID(count), to: 1), .start(2)])
        #expect(scheduler.didBecomeReady(2, at: now) == [], "its predecessor still has its place")
        #expect(
            scheduler.didEnd(Scheduler.TaskID(count), by: 1, at: now)
                == [.send(Scheduler.TaskID(count + 1), to: 2)] + [.end(1)])
    }

    @Test("Workers that are started together are not recycled together")
    func jitter() throws {
        var scheduler = Scheduler(
            limits: WorkerLimits(minimum: 8, maximum: 8, tasksBeforeRecycling: 1_000), chance: Seeded(1))
        _ = scheduler.decide(at: now)
        let lifetimes = scheduler.workers.compactMap(\.lifetimeTasks)
        #expect(lifetimes.allSatisfy { (900...1_000).contains($0) })
        #expect(Set(lifetimes).count > 4)
    }

    @Test("A worker that uses too much memory after a task goes, and its successor is started first")
    func memory() throws {
        var scheduler = scheduler(WorkerLimits(maximum: 1), ready: 1)
        _ = try scheduler.submit(1, at: now)
        _ = try scheduler.submit(2, at: now)
        #expect(scheduler.didEnd(1, by: 1, usesTooMuchMemory: true, at: now) == [.start(2), .end(1)])
        #expect(scheduler.didBecomeReady(2, at: now) == [.send(2, to: 2)])
    }

    @Test("Failed starts are repeated one at a time, each after twice the time, until the pool is broken")
    func failedStarts() throws {
        var scheduler = Scheduler(limits: WorkerLimits(maximum: 4, failedStarts: 4), chance: Seeded(1))
        var now = now
        for task: Scheduler.TaskID in 1...3 { _ = try scheduler.submit(task, at: now) }
        // Three at the same time have one cause.
        for worker in 1...3 { #expect(scheduler.didFailToStart(worker, at: now) == []) }
        for (worker, pause) in [(4, 50), (5, 100)] {
            #expect(scheduler.nextDeadline == now + .milliseconds(pause))
            now += .milliseconds(pause)
            #expect(scheduler.timeDidPass(at: now) == [.start(worker)])
            #expect(scheduler.didFailToStart(worker, at: now) == [])
        }
        now += .milliseconds(200)
        #expect(scheduler.timeDidPass(at: now) == [.start(6)])
        #expect(
            scheduler.didFailToStart(6, at: now) == [.fail(1, .broken), .fail(2, .broken), .fail(3, .broken)])
        #expect(throws: Scheduler.Refusal.broken) { try scheduler.submit(4, at: now) }
        #expect(scheduler.nextDeadline == nil)
        #expect(scheduler.reset(at: now) == [])
        #expect(try scheduler.submit(5, at: now) == [.start(7)])
        #expect(scheduler.didBecomeReady(7, at: now) == [.send(5, to: 7)])
    }

    @Test("Failed starts do not break a pool that has a worker")
    func failedStartsBesideAWorker() throws {
        var scheduler = scheduler(WorkerLimits(maximum: 2, failedStarts: 1), ready: 1)
        _ = try scheduler.submit(1, at: now)
        #expect(try scheduler.submit(2, at: now) == [.start(2)])
        #expect(scheduler.didFailToStart(2, at: now) == [])
        #expect(scheduler.state == .open)
        #expect(scheduler.didEnd(1, by: 1, at: now) == [.send(2, to: 1)])
    }

    @Test("Workers that exit before their first task are started again ever more slowly")
    func restless() throws {
        var scheduler = Scheduler(limits: WorkerLimits(minimum: 1, maximum: 1, failedStarts: 3), chance: Seeded(1))
        var now = now
        #expect(scheduler.decide(at: now) == [.start(1)])
        for worker in 1...2 {
            _ = scheduler.didBecomeReady(worker, at: now)
            _ = scheduler.lineDidEnd(of: worker, at: now)
            #expect(scheduler.didExit(worker, at: now) == [])
            now = try #require(scheduler.nextDeadline)
            #expect(scheduler.timeDidPass(at: now) == [.start(worker + 1)])
        }
        _ = scheduler.didBecomeReady(3, at: now)
        _ = scheduler.didExit(3, at: now)
        #expect(scheduler.state == .broken)
    }

    @Test("A task whose worker has gone before it was sent keeps its place")
    func returned() throws {
        var scheduler = scheduler(WorkerLimits(maximum: 1), ready: 1)
        for task: Scheduler.TaskID in 1...3 { _ = try scheduler.submit(task, at: now) }
        #expect(scheduler.didReturn(1, by: 1, waitingUntil: nil, at: now) == [])
        #expect(scheduler.didExit(1, at: now) == [.start(2)])
        #expect(scheduler.didBecomeReady(2, at: now) == [.send(1, to: 2)])
        #expect(scheduler.didEnd(1, by: 2, at: now) == [.send(2, to: 2)])
    }

    @Test("The minimum stays when nothing is to do, and the coldest of the others end")
    func minimum() throws {
        var scheduler = Scheduler(
            limits: WorkerLimits(minimum: 1, maximum: 3, idleTime: .seconds(5)), chance: Seeded(1))
        #expect(scheduler.decide(at: now) == [.start(1)])
        _ = scheduler.didBecomeReady(1, at: now)
        for task: Scheduler.TaskID in 1...3 { _ = try scheduler.submit(task, at: now) }
        _ = scheduler.didBecomeReady(2, at: now)
        _ = scheduler.didBecomeReady(3, at: now)
        for (task, worker) in [(Scheduler.TaskID(1), 1), (2, 2), (3, 3)] {
            _ = scheduler.didEnd(task, by: worker, at: now + .seconds(worker))
        }
        #expect(scheduler.timeDidPass(at: now + .seconds(6)) == [.end(1)])
        #expect(scheduler.timeDidPass(at: now + .seconds(9)) == [.end(2)])
        #expect(scheduler.timeDidPass(at: now + .seconds(99)) == [])
        #expect(scheduler.didExit(1, at: now) == [])
    }

    @Test("A drained pool ends its tasks, gives up the rest at the deadline, and finishes with the last worker")
    func drain() throws {
        var scheduler = scheduler(WorkerLimits(maximum: 1), ready: 1)
        for task: Scheduler.TaskID in 1...3 { _ = try scheduler.submit(task, at: now) }
        #expect(scheduler.drain(until: now + .seconds(5), at: now) == [])
        #expect(throws: Scheduler.Refusal.closed) { try scheduler.submit(4, at: now) }
        #expect(scheduler.didEnd(1, by: 1, at: now) == [.send(2, to: 1)])
        #expect(scheduler.timeDidPass(at: now + .seconds(5)) == [.fail(3, .closed), .fail(2, .closed)])
        #expect(scheduler.timeDidPass(at: now + .seconds(6)) == [.kill(1)])
        #expect(scheduler.didExit(1, at: now) == [.finish])
    }

    @Test("An abandoned pool ends everything at once")
    func abandon() throws {
        var scheduler = scheduler(WorkerLimits(maximum: 3), ready: 2)
        for task: Scheduler.TaskID in 1...4 { _ = try scheduler.submit(task, at: now) }
        let actions = scheduler.abandon(at: now)
        #expect(actions.filter { if case .fail(_, .closed) = $0 { true } else { false } }.count == 4)
        #expect(Set(actions.suffix(3)) == [.kill(1), .kill(2), .kill(3)])
        _ = scheduler.didExit(1, at: now)
        _ = scheduler.didExit(2, at: now)
        #expect(scheduler.didFailToStart(3, at: now) == [.finish])
    }

    @Test("Whatever happens in whatever order, each task ends once, and what must hold holds", arguments: 0..<8)
    func anyOrder(_ part: UInt64) throws {
        for seed in part * 20..<(part + 1) * 20 {
            var chance = Seeded(seed)
            let limits = WorkerLimits(
                minimum: Int.random(in: 0...2, using: &chance), maximum: Int.random(in: 2...5, using: &chance),
                tasksPerWorker: Int.random(in: 1...3, using: &chance), queue: Int.random(in: 0...20, using: &chance),
                idleTime: .milliseconds(Int.random(in: 0...2_000, using: &chance)),
                grace: .milliseconds(Int.random(in: 0...500, using: &chance)),
                tasksBeforeRecycling: Bool.random(using: &chance) ? Int.random(in: 1...20, using: &chance) : nil,
                memory: Bool.random(using: &chance) ? 1 : nil, failedStarts: 3)
            var simulation = SchedulerSimulation(limits: limits, seed: seed)
            simulation.failingStarts = seed % 3 == 0 ? 40 : 5
            do {
                try simulation.perform(simulation.scheduler.decide(at: simulation.now))
                for _ in 0..<600 {
                    try simulation.step()
                    if simulation.scheduler.state == .broken {
                        try simulation.perform(simulation.scheduler.reset(at: simulation.now))
                    }
                }
                try simulation.finish()
            } catch {
                Issue.record("seed \(seed), \(limits): \(error)\n\(simulation.tally.text)")
                return
            }
        }
    }
}
