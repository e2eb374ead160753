import ArgumentParser
import CConnectToLinux
import ConnectToLinux
import Glibc

/// `--cpus A,B`: where each of the two processes runs.
struct BenchProcessors: Sendable {
    private let numbers: [Int]

    /// - Throws: what to write instead, for what is not two numbers.
    init(_ argument: String) throws {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        numbers = parts.compactMap { Int($0) }
        // As many as the kernel's interface knows.
        let all = 0..<1024
        if parts.count != 2 || numbers.count != 2 || !numbers.allSatisfy(all.contains) {
            throw ValidationError("the numbers of two processors are wanted, such as 0,1")
        }
    }

    var text: String { numbers.map { String($0) }.joined(separator: ",") }

    /// Pins all threads of this process, and with them those that they start.
    /// - Throws: ``Failure`` 64 where there is no such processor.
    func pin(first: Bool) throws(Failure) {
        let number = numbers[first ? 0 : 1]
        for thread in Self.threads() where clinux_pin(thread, Int32(number)) != 0 {
            // One that has just ended is as good as pinned.
            if errno == ESRCH { continue }
            throw Failure(
                .usage,
                "--cpus: processor \(number) is not to be had; see those that are with nproc and taskset -p $$"
            )
        }
    }

    private static func threads() -> [pid_t] {
        (try? fileNames(in: "/proc/self/task").compactMap { pid_t($0) }) ?? [0]
    }
}
