import ConnectTo
import ConnectToMessaging
import Testing

@testable import ConnectCLI

/// What an answer is to the parts of `connect pool` that only count it.
private struct Answer: ReceivedContent {
    var bytes: [UInt8]
    var contentKind: Message.Kind? { .bytes }
    var count: Int { bytes.count }
    var transferred: [Transferable] { [] }

    func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: nil, count: 0))
    }
}

private func outcome(_ line: Int, answer size: Int = 1, of task: Int = 10) -> TaskOutcome {
    TaskOutcome(line: line, result: .success(Answer(bytes: Array(repeating: 0, count: size))), size: task)
}

private func failed(_ line: Int) -> TaskOutcome {
    TaskOutcome(line: line, result: .failure(TaskFailure(code: .handlerFailed, message: "no")), size: 10)
}

@Suite("The open tasks of connect pool") struct OpenTasksTests {
    private func tasks(ordered: Bool = true, running: Int = 100, waiting: Int = 100, bytes: Int = 100) -> OpenTasks {
        OpenTasks(
            isOrdered: ordered,
            limits: OpenTasks.Limits(running: running, waiting: waiting, waitingBytes: bytes))
    }

    private func printed(_ tasks: inout OpenTasks) -> [Int] {
        var lines: [Int] = []
        while let outcome = tasks.takePrintable() { lines.append(outcome.line) }
        return lines
    }

    @Test("Outcomes are printed in the order of the tasks, whatever the order in which the tasks end")
    func outcomesAreInOrder() {
        var tasks = tasks()
        #expect((1...4).map { _ in tasks.begin() } == [1, 2, 3, 4])
        tasks.finish(outcome(3))
        tasks.finish(failed(2))
        #expect(printed(&tasks) == [])
        tasks.finish(outcome(1))
        #expect(printed(&tasks) == [1, 2, 3])
        #expect(!tasks.isEmpty)
        tasks.finish(outcome(4))
        #expect(printed(&tasks) == [4])
        #expect(tasks.isEmpty)
    }

    @Test("Without an order, outcomes are printed as they come")
    func outcomesAreAsTheyCome() {
        var tasks = tasks(ordered: false)
        for _ in 1...3 { _ = tasks.begin() }
        tasks.finish(outcome(3))
        #expect(printed(&tasks) == [3])
        tasks.finish(outcome(1))
        tasks.finish(outcome(2))
        #expect(printed(&tasks) == [1, 2])
    }

    @Test("No more tasks run at the same time than allowed")
    func runningTasksAreBounded() {
        var tasks = tasks(running: 2)
        _ = tasks.begin()
        #expect(tasks.hasRoom)
        _ = tasks.begin()
        #expect(!tasks.hasRoom)
        tasks.finish(outcome(2))
        #expect(tasks.hasRoom)
    }

    @Test("A long first task lets no more than the limit of later ones wait for it, in number and in bytes")
    func waitingTasksAreBounded() {
        var many = tasks(waiting: 3, bytes: 1_000)
        for _ in 1...4 { _ = many.begin() }
        for line in 2...3 { many.finish(outcome(line)) }
        #expect(many.hasRoom)
        many.finish(outcome(4))
        #expect(!many.hasRoom)
        many.finish(outcome(1))
        #expect(!many.hasRoom)
        _ = many.takePrintable()
        _ = many.takePrintable()
        #expect(many.hasRoom)

        var large = tasks(bytes: 100)
        for _ in 1...3 { _ = large.begin() }
        large.finish(outcome(2, answer: 60))
        #expect(large.hasRoom)
        large.finish(outcome(3, answer: 40))
        #expect(!large.hasRoom)
        large.finish(outcome(1, answer: 0))
        for _ in 1...2 { _ = large.takePrintable() }
        #expect(large.hasRoom)
    }
}

@Suite("The failed tasks of connect pool in words") struct FailedTasksTests {
    private func words(_ lines: [Int]) -> String {
        var failed = FailedTasks()
        for line in lines { failed.add(line: line) }
        return failed.inWords
    }

    @Test("Failed tasks are named by their lines, and neighbours as a range")
    func linesAreNamed() {
        #expect(words([7]) == "line 7")
        #expect(words([7, 3]) == "lines 3 and 7")
        #expect(words([3, 7, 8, 9, 12]) == "lines 3, 7-9 and 12")
    }

    @Test("Beyond a hundred failed tasks the rest is a number, so that a million failures take no memory")
    func restIsCounted() {
        var failed = FailedTasks()
        for line in 1...1_000_000 { failed.add(line: line) }
        #expect(failed.inWords == "lines 1-100 and 999900 more")
        #expect(failed.count == 1_000_000)
    }
}

@Suite("The progress bar of connect pool") struct TaskProgressTests {
    @Test("Of a pipe the bar shows what is done and the rate, and no part of a whole that is not known")
    func pipeHasNoPart() {
        var progress = TaskProgress(inputSize: nil)
        for line in 1...20 { progress.add(outcome(line)) }
        progress.add(failed(21))
        #expect(progress.textLine(at: .seconds(2), running: 3) == "21 done, 1 failed, 3 running, 10.5/s")
    }

    @Test("Of a file the bar shows the part that is done, and the time that is left at the present rate")
    func fileHasTimeLeft() {
        var progress = TaskProgress(inputSize: 1_000)
        for line in 1...25 { progress.add(outcome(line, of: 10)) }
        #expect(
            progress.textLine(at: .seconds(5), running: 4)
                == "[#######.......................] 25 %, 25 done, 4 running, 5.0/s, 0:15 left")
    }

    @Test("Once the input has ended the bar shows how many tasks there are")
    func totalIsShown() {
        var progress = TaskProgress(inputSize: nil)
        for line in 1...900 { progress.add(outcome(line)) }
        progress.total = 7_200
        #expect(
            progress.textLine(at: .seconds(450), running: 2)
                == "[###...........................] 12 %, 900 of 7200 done, 2 running, 2.0/s, 52:30 left")
    }

    @Test("The rate is that of the last ten seconds")
    func rateIsRecent() {
        var progress = TaskProgress(inputSize: nil)
        for line in 1...1_000 { progress.add(outcome(line)) }
        for second in 1...10 { _ = progress.textLine(at: .seconds(second), running: 1) }
        for second in 11...30 {
            progress.add(outcome(990 + second))
            _ = progress.textLine(at: .seconds(second), running: 1)
        }
        #expect(progress.textLine(at: .seconds(30), running: 1) == "1020 done, 1 running, 1.0/s")
    }
}

@Suite("A line of connect pool --joblog") struct JobLogEntryTests {
    private func textLine(_ failure: TaskFailure?) -> String {
        let entry = JobLogEntry(
            line: 12, start: 1_700_000_000.0625, runtime: .milliseconds(1_250), task: Array("a\tb".utf8), received: 5,
            failure: failure)
        return String(decoding: entry.textLine, as: UTF8.self)
    }

    @Test("The columns are those of GNU parallel, and the task comes last, as it was read")
    func columnsAreThoseOfParallel() {
        #expect(textLine(nil) == "12\t:\t1700000000.063\t1.250\t3\t5\t0\t0\ta\tb")
    }

    @Test("A failed task has its exit status or signal, or -1 where it did not end by itself")
    func endingsAreTold() {
        var failure = TaskFailure(code: .handlerFailed, message: "no", ending: .exited(3))
        #expect(textLine(failure).hasSuffix("\t5\t3\t0\ta\tb"))
        failure.ending = .signaled(9)
        #expect(textLine(failure).hasSuffix("\t5\t0\t9\ta\tb"))
        failure.ending = nil
        #expect(textLine(failure).hasSuffix("\t5\t-1\t0\ta\tb"))
    }
}
