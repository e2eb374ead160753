import Glibc
import Testing

@testable import ConnectTo

@Suite("A bus's process numbers")
struct ProcessNumbersTests {
    private let own = getpid()

    @Test("are those of here where this process, or a proxy in its place, has the same number for both")
    func ours() {
        #expect(ProcessNumbers(ofThisProcess: own, ofOtherEnd: 1) == .ours)
        #expect(ProcessNumbers(ofThisProcess: own + 1, ofOtherEnd: own + 1) == .ours)
    }

    @Test("are another namespace's where they differ, and where only by chance they do not")
    func foreign() {
        #expect(ProcessNumbers(ofThisProcess: own + 1, ofOtherEnd: 1) == .foreign)
        #expect(ProcessNumbers(ofThisProcess: 0, ofOtherEnd: 1) == .foreign)
        #expect(ProcessNumbers(ofThisProcess: own, ofOtherEnd: 0) == .foreign)
        #expect(ProcessNumbers(ofThisProcess: 0, ofOtherEnd: 0) == .foreign)
    }
}
