import ConnectToWorkers
import Testing

@Suite("How a worker has ended")
struct WorkerExitTests {
    @Test("Two exits of one process with the same cause are equal")
    func equal() {
        let exit = WorkerExit(cause: .signaled(9), errorLines: "", processID: 7)
        #expect(exit == WorkerExit(cause: .signaled(9), errorLines: "", processID: 7))
    }
}
