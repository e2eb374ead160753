import Glibc
import Testing

@testable import ConnectTo

@Suite("The process numbers of a bus")
struct ProcessNumbersTests {
    private let own = getpid()

    @Test("A bus's process numbers are this namespace's where this process, or its proxy, has the same number for both")
    func sameNumbersAreOurs() {
        #expect(ProcessNumbers(ofThisProcess: own, ofOtherEnd: 1) == .ours)
        #expect(ProcessNumbers(ofThisProcess: own + 1, ofOtherEnd: own + 1) == .ours)
    }

    @Test("A bus's process numbers are another namespace's where they differ, and where they agree only by chance")
    func otherNumbersAreForeign() {
        #expect(ProcessNumbers(ofThisProcess: own + 1, ofOtherEnd: 1) == .foreign)
        #expect(ProcessNumbers(ofThisProcess: 0, ofOtherEnd: 1) == .foreign)
        #expect(ProcessNumbers(ofThisProcess: own, ofOtherEnd: 0) == .foreign)
        #expect(ProcessNumbers(ofThisProcess: 0, ofOtherEnd: 0) == .foreign)
    }
}
