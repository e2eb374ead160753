import ConnectToTestSupport
import ConnectToTesting
import Glibc

/// What this process holds when it is at rest.
struct Standing: CustomStringConvertible {
    let descriptors: Int
    let threads: Int
    /// Processes that it has started and not waited for.
    let children: Int
    /// In KiB.
    let resident: Int

    /// Waits until it holds no less than a moment ago: what is closed is closed on queues.
    static func now() async throws -> Standing {
        var last = try taken()
        var quiet = 0
        while quiet < 10 {
            try await Task.sleep(for: .milliseconds(200))
            let next = try taken()
            let isLess =
                next.descriptors < last.descriptors || next.threads < last.threads || next.children < last.children
            quiet = isLess ? 0 : quiet + 1
            last = next
        }
        return last
    }

    private static func taken() throws -> Standing {
        let facts = try ProcessFacts(of: getpid())
        return Standing(
            descriptors: facts.descriptors, threads: facts.threads, children: ConnectToTestSupport.children().count,
            resident: facts.resident)
    }

    var description: String {
        "\(descriptors) descriptors, \(threads) threads, \(children) child processes, \(resident) KiB"
    }

    /// Threads of the system's pools come and go; memory is never given back to the last page.
    func isNoMore(than before: Standing) throws {
        try hold(descriptors <= before.descriptors, "descriptors are left: \(before) -> \(self)")
        try hold(children <= before.children, "processes are left: \(before) -> \(self)")
        try hold(threads <= before.threads + 2, "threads are left: \(before) -> \(self)")
        try hold(resident <= before.resident * 3 / 2 + 16_384, "memory is left: \(before) -> \(self)")
    }
}
