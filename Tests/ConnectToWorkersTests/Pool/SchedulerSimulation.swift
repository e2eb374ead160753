import ConnectToTestSupport
import Testing

@testable import ConnectToWorkers

/// A pool without processes: it does what the scheduler says, lets happen by chance what happens to real workers, and
/// checks after each step what must hold.
struct SchedulerSimulation {
    struct Broken: Error, CustomStringConvertible {
        let description: String
    }

    private struct Worker {
        var isReady = false
        var isToEnd = false
        var isKilled = false
        var lineHasEnded = false
        /// Tasks that it has, with whether their callers still wait.
        var tasks: [Scheduler.TaskID: Bool] = [:]
    }

    var scheduler: Scheduler
    private(set) var now = Scheduler.Instant.now
    private let limits: WorkerLimits
    private var chance: Seeded
    private var workers: [Scheduler.WorkerID: Worker] = [:]
    private var waiting: Set<Scheduler.TaskID> = []
    /// How often each task has ended for its caller.
    private var ends: [Scheduler.TaskID: Int] = [:]
    private var lastTask: Scheduler.TaskID = 0
    private var isFinished = false
    /// What has happened, by name.
    let tally = Tally()
    /// How many of a hundred starts fail.
    var failingStarts = 5

    init(limits: WorkerLimits, seed: UInt64) {
        self.limits = limits
        chance = Seeded(seed)
        scheduler = Scheduler(limits: limits, chance: Seeded(seed &+ 1))
    }

    // MARK: What happens

    /// Lets one thing happen by chance.
    mutating func step() throws {
        switch Int.random(in: 0..<100, using: &chance) {
        case 0..<30: try submit(refusesIfFull: Bool.random(using: &chance))
        case 30..<34: try cancelOne()
        case 34..<60: try startOne()
        case 60..<85: try answerOne()
        case 85..<88: try crashOne()
        case 88..<94: try exitOne()
        case 94..<96: try giveUpOne()
        default: try letTimePass()
        }
    }

    mutating func submit(refusesIfFull: Bool = false) throws {
        lastTask += 1
        let task = lastTask
        let limit: Duration? = chance.next() % 8 == 0 ? .milliseconds(Int.random(in: 1...500, using: &chance)) : nil
        waiting.insert(task)
        let actions: [Scheduler.Action]
        do throws(Scheduler.Refusal) {
            actions = try scheduler.submit(
                task, refusesIfFull: refusesIfFull, waitingUntil: limit.map { now + $0 }, at: now)
        } catch {
            waiting.remove(task)
            tally.add("refused: \(error)")
            return
        }
        ends[task] = 0
        tally.add("submitted")
        try perform(actions)
    }

    private mutating func cancelOne() throws {
        guard lastTask > 0 else { return }
        tally.add("cancelled")
        try perform(scheduler.cancel(UInt64.random(in: 1...lastTask, using: &chance), at: now))
    }

    private mutating func startOne() throws {
        guard let id = workers.filter({ !$0.value.isReady && !$0.value.isKilled }).keys.random(using: &chance) else {
            return
        }
        if Int.random(in: 0..<100, using: &chance) < failingStarts {
            workers[id] = nil
            tally.add("failed starts")
            try perform(scheduler.didFailToStart(id, at: now))
        } else {
            workers[id]?.isReady = true
            try perform(scheduler.didBecomeReady(id, at: now))
        }
    }

    private mutating func answerOne() throws {
        guard let (id, worker) = workers.filter({ !$0.value.tasks.isEmpty }).random(using: &chance),
            let (task, _) = worker.tasks.random(using: &chance)
        else { return }
        try didEnd(task, by: id)
    }

    private mutating func didEnd(_ task: Scheduler.TaskID, by id: Scheduler.WorkerID) throws {
        if workers[id]?.tasks.removeValue(forKey: task) == true { try end(task) }
        let isFat = limits.memory != nil && chance.next() % 10 == 0
        try perform(scheduler.didEnd(task, by: id, usesTooMuchMemory: isFat, at: now))
    }

    private mutating func crashOne() throws {
        guard let id = workers.filter({ $0.value.isReady && !$0.value.lineHasEnded }).keys.random(using: &chance) else {
            return
        }
        tally.add("crashes")
        try endLine(of: id)
    }

    private mutating func endLine(of id: Scheduler.WorkerID) throws {
        workers[id]?.lineHasEnded = true
        // The pool notices the end of the line with the first task that ends by it, or without any.
        try perform(scheduler.lineDidEnd(of: id, at: now))
        for task in workers[id]?.tasks.keys.sorted() ?? [] { try didEnd(task, by: id) }
    }

    private mutating func exitOne() throws {
        let ended = workers.filter { $0.value.lineHasEnded || $0.value.isToEnd || $0.value.isKilled }
        guard let id = ended.keys.random(using: &chance) else { return }
        if workers[id]?.isReady == true { try endLine(of: id) }
        let hasStarted = workers.removeValue(forKey: id)?.isReady == true
        try perform(hasStarted ? scheduler.didExit(id, at: now) : scheduler.didFailToStart(id, at: now))
    }

    /// A task's time on its worker is over.
    private mutating func giveUpOne() throws {
        guard let (id, worker) = workers.filter({ $0.value.tasks.values.contains(true) }).random(using: &chance),
            let task = worker.tasks.filter(\.value).keys.random(using: &chance)
        else { return }
        workers[id]?.tasks[task] = false
        try end(task)
        try perform(scheduler.didGiveUp(task, by: id, at: now))
    }

    mutating func letTimePass() throws {
        if let deadline = scheduler.nextDeadline, Bool.random(using: &chance) {
            now = max(now, deadline)
        } else {
            now += .milliseconds(Int.random(in: 0...300, using: &chance))
        }
        try perform(scheduler.timeDidPass(at: now))
        try expect(
            scheduler.nextDeadline.map { $0 > now } ?? true, "a deadline is over, and nothing has been done for it")
    }

    // MARK: Doing what the scheduler says

    mutating func perform(_ actions: [Scheduler.Action]) throws {
        for action in actions {
            switch action {
            case .start(let id):
                try expect(workers[id] == nil, "worker \(id) is started twice")
                workers[id] = Worker()
                tally.add("starts")
            case .send(let task, let id):
                try send(task, to: id)
            case .fail(let task, let failure):
                tally.add("failed: \(failure)")
                if waiting.remove(task) == nil {
                    let id = try require(
                        workers.first { $0.value.tasks[task] == true }?.key, "task \(task) fails twice")
                    workers[id]?.tasks[task] = false
                }
                try end(task)
            case .end(let id):
                let worker = try require(workers[id], "worker \(id) is to end, and is not there")
                try expect(worker.isReady, "worker \(id) is to end in order before it is ready")
                try expect(worker.tasks.isEmpty || worker.lineHasEnded, "worker \(id) is to end, and has a task")
                workers[id]?.isToEnd = true
            case .kill(let id):
                let worker = try require(workers[id], "worker \(id) is killed, and is not there")
                try expect(!worker.isKilled, "worker \(id) is killed twice")
                workers[id]?.isKilled = true
                tally.add("kills")
            case .finish:
                try expect(workers.isEmpty && waiting.isEmpty && !isFinished, "the pool finishes too early, or twice")
                isFinished = true
            }
        }
        try check()
    }

    private mutating func send(_ task: Scheduler.TaskID, to id: Scheduler.WorkerID) throws {
        let worker = try require(workers[id], "task \(task) goes to worker \(id), which is not there")
        try expect(worker.isReady, "task \(task) goes to worker \(id) before it is ready")
        try expect(!worker.isKilled && !worker.isToEnd, "task \(task) goes to worker \(id), which is to end")
        try expect(!worker.tasks.values.contains(false), "task \(task) goes to worker \(id), which is stuck")
        try expect(worker.tasks.count < limits.tasksPerWorker, "worker \(id) gets too many tasks")
        try expect(waiting.contains(task), "task \(task) is sent, and does not wait")
        let oldest = waiting.subtracting(returned.map(\.0)).min()
        try expect(oldest == task, "task \(task) is sent before \(oldest ?? 0)")
        waiting.remove(task)
        workers[id]?.tasks[task] = true
        tally.add("sent")
        if chance.next() % 50 == 0 {
            // Its line has ended, and the pool sees it only now.
            workers[id]?.tasks[task] = nil
            waiting.insert(task)
            workers[id]?.lineHasEnded = true
            tally.add("returned")
            returned.append((task, id))
        }
    }

    private var returned: [(Scheduler.TaskID, Scheduler.WorkerID)] = []

    private mutating func end(_ task: Scheduler.TaskID) throws {
        ends[task, default: 0] += 1
        try expect(ends[task] == 1, "task \(task) has ended twice")
    }

    // MARK: What must hold

    private mutating func check() throws {
        while let (task, id) = returned.popLast() {
            try perform(scheduler.didReturn(task, by: id, waitingUntil: nil, at: now))
        }
        let running = workers.values.reduce(0) { $0 + $1.tasks.count }
        try expect(running <= limits.maximum * limits.tasksPerWorker, "\(running) tasks run")
        let live = scheduler.workers
        try expect(
            Set(live.map(\.id)) == Set(workers.keys), "the table has \(live.map(\.id)), there are \(workers.keys)")
        try expect(live.count(where: { !$0.hasSuccessor }) <= limits.maximum, "there are \(live.count) workers")
        try expect(live.count <= 2 * limits.maximum, "there are \(live.count) workers, with successors")
        try expect(scheduler.waiting.count == waiting.count, "\(scheduler.waiting.count) wait, not \(waiting.count)")
        guard !waiting.isEmpty, scheduler.state == .open, scheduler.startDeadline == nil else { return }
        let canTake = live.contains { $0.phase == .ready && scheduler.places(of: $0) > 0 }
        try expect(!canTake, "a task waits, and a worker has a place for it")
        let coming = live.contains { $0.phase == .starting }
        let isFull = live.count(where: { !$0.hasSuccessor }) == limits.maximum
        try expect(coming || isFull, "a task waits, and no worker is started for it")
    }

    /// Lets everything come to its end.
    mutating func finish() throws {
        try perform(scheduler.drain(until: now + .seconds(2), at: now))
        var steps = 0
        while !isFinished {
            steps += 1
            try expect(steps < 20_000, "the pool does not come to its end: \(scheduler.workers), \(waiting.count) wait")
            switch Int.random(in: 0..<4, using: &chance) {
            case 0: try startOne()
            case 1: try answerOne()
            case 2: try exitOne()
            default: try letTimePass()
            }
        }
        let lost = ends.filter { $0.value != 1 }
        try expect(lost.isEmpty, "tasks without an end: \(lost)")
        try expect(scheduler.nextDeadline == nil, "a closed pool waits for something")
    }

    private func expect(_ isTrue: Bool, _ what: @autoclosure () -> String) throws {
        if !isTrue { throw Broken(description: what()) }
    }

    private func require<Value>(_ value: Value?, _ what: @autoclosure () -> String) throws -> Value {
        guard let value else { throw Broken(description: what()) }
        return value
    }
}

extension Dictionary where Key: Comparable {
    /// One by chance, the same for the same chance: dictionaries by themselves have no order that comes again.
    fileprivate func random(using chance: inout Seeded) -> Element? {
        sorted { $0.key < $1.key }.randomElement(using: &chance)
    }
}

extension Dictionary.Keys where Key: Comparable {
    fileprivate func random(using chance: inout Seeded) -> Key? {
        sorted().randomElement(using: &chance)
    }
}
