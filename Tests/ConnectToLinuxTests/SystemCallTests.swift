import ConnectToLinux
import Glibc
import SystemPackage
import Testing

@Suite("The gate to the kernel")
struct SystemCallTests {
    /// A call that fails with the given errors, one after the other, and then returns 7.
    private func call(failingWith errors: [Errno]) -> () -> Int {
        var rest = errors[...]
        return {
            guard let next = rest.popFirst() else { return 7 }
            errno = next.rawValue
            return -1
        }
    }

    @Test("repeats what a signal has interrupted, and nothing else")
    func interrupted() throws {
        #expect(try systemCall("read", call(failingWith: [.interrupted, .interrupted])) == 7)
        #expect(throws: SystemError(operation: "read", errno: .ioError)) {
            try systemCall("read", call(failingWith: [.interrupted, .ioError]))
        }
    }

    @Test("says nil for what would have to wait, where that is planned for")
    func wouldBlock() throws {
        #expect(try systemCallUnlessBlocked("read", call(failingWith: [.wouldBlock])) == nil)
        #expect(try systemCallUnlessBlocked("read", call(failingWith: [.interrupted])) == 7)
        #expect(throws: SystemError(operation: "read", errno: .wouldBlock)) {
            try systemCall("read", call(failingWith: [.wouldBlock]))
        }
        #expect(throws: SystemError(operation: "read", errno: .brokenPipe)) {
            try systemCallUnlessBlocked("read", call(failingWith: [.brokenPipe]))
        }
    }

    @Test("does not build the operation's name unless something failed")
    func nameOnlyWhenNeeded() throws {
        func name() -> String {
            Issue.record("nothing failed")
            return ""
        }
        #expect(try systemCall(name(), call(failingWith: [.interrupted])) == 7)
    }

    @Test("names the call and the reason in its errors")
    func description() {
        let text = "\(SystemError(operation: "sendmsg", errno: .brokenPipe))"
        #expect(text.hasPrefix("sendmsg: "))
        #expect(text.count > "sendmsg: ".count)
    }
}

@Suite("A duration in nanoseconds")
struct DurationNanosecondsTests {
    private static let cases: [(Duration, UInt64)] = [
        (.zero, 0), (.nanoseconds(1), 1), (.milliseconds(1500), 1_500_000_000),
        (Duration(secondsComponent: 0, attosecondsComponent: 5), 0),
        (.nanoseconds(-1), 0), (.seconds(-5), 0),
        (.seconds(10_000_000_000), .max / 2), (.seconds(Int64.max), .max / 2),
    ]

    @Test("is whole, never negative, and has an end", arguments: cases)
    func whole(duration: Duration, nanoseconds: UInt64) {
        #expect(duration.wholeNanoseconds == nanoseconds)
    }
}
