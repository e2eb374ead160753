import ConnectToLinux
import Glibc
import SystemPackage
import Testing

@Suite("System calls")
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

    @Test("systemCall repeats a call that a signal interrupted, and no other")
    func repeatsInterruptedCall() throws {
        #expect(try systemCall("read", call(failingWith: [.interrupted, .interrupted])) == 7)
        #expect(throws: SystemError(operation: "read", errno: .ioError)) {
            try systemCall("read", call(failingWith: [.interrupted, .ioError]))
        }
    }

    @Test("systemCallUnlessBlocked returns nil where the call would block, and systemCall throws")
    func nilWhereCallWouldBlock() throws {
        #expect(try systemCallUnlessBlocked("read", call(failingWith: [.wouldBlock])) == nil)
        #expect(try systemCallUnlessBlocked("read", call(failingWith: [.interrupted])) == 7)
        #expect(throws: SystemError(operation: "read", errno: .wouldBlock)) {
            try systemCall("read", call(failingWith: [.wouldBlock]))
        }
        #expect(throws: SystemError(operation: "read", errno: .brokenPipe)) {
            try systemCallUnlessBlocked("read", call(failingWith: [.brokenPipe]))
        }
    }

    @Test("systemCall builds the operation's name only for an error")
    func nameOnlyForErrors() throws {
        func name() -> String {
            Issue.record("nothing failed")
            return ""
        }
        #expect(try systemCall(name(), call(failingWith: [.interrupted])) == 7)
    }

    @Test("A SystemError's description names the call and the reason")
    func errorNamesCallAndReason() {
        let text = "\(SystemError(operation: "sendmsg", errno: .brokenPipe))"
        #expect(text.hasPrefix("sendmsg: "))
        #expect(text.count > "sendmsg: ".count)
    }
}
