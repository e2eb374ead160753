import Glibc
import SystemPackage

/// The one gate to the kernel: repeats a call that a signal interrupted (EINTR), and turns `errno` into an error that
/// names the failed call.
@discardableResult
public func systemCall<Result: SignedInteger>(
    _ operation: @autoclosure () -> String, _ call: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = call()
        if result >= 0 { return result }
        let reason = Errno(rawValue: errno)
        if reason != .interrupted { throw SystemError(operation: operation(), errno: reason) }
    }
}

/// As ``systemCall(_:_:)``, for calls on non-blocking descriptors: nil where the call would block.
public func systemCallUnlessBlocked<Result: SignedInteger>(
    _ operation: @autoclosure () -> String, _ call: () -> Result
) throws(SystemError) -> Result? {
    do throws(SystemError) {
        return try systemCall(operation(), call)
    } catch {
        if error.errno == .wouldBlock || error.errno == .resourceTemporarilyUnavailable { return nil }
        throw error
    }
}
