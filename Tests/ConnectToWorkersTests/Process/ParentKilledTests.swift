import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import ConnectToWorkers
import Glibc
import Testing

@Suite("Workers whose parent is killed", .timeLimit(.minutes(1)))
struct ParentKilledTests {
    @Test(
        "No process is left after two seconds, whatever the worker did",
        arguments: [["idle"], ["spin"], ["hang"], ["fork"], ["fork group"], ["stop"], ["idle", "spin", "fork"]])
    func parentKilled(things: [String]) async throws {
        let processes = try await withProcess(testWorker, ["parent"] + things) { parent in
            var processes: [Int32] = []
            while let line = await parent.line(), line != "started" {
                processes.append(try #require(line.split(separator: " ").last.flatMap { Int32($0) }))
            }
            // The parent alone: its workers have sessions of their own.
            kill(parent.processID, SIGKILL)
            return processes
        }
        #expect(processes.count >= things.count)
        try await promptly(within: .seconds(2)) { for process in processes { try await end(of: process) } }
        for process in processes { #expect(try members(of: process) == []) }
    }

    @Test("A worker that is still being set up, and computes, ends too")
    func settingUp() async throws {
        // The worker says so on the parent's standard error, which is this test's: ask the kernel for it instead.
        let session = try await withProcess(testWorker, ["parent", "setting-up"]) { parent in
            while await parent.line() != "started" {}
            var children: [Int32] = []
            while children.isEmpty {
                children = try entries(of: "/proc").compactMap { Int32($0) }
                    .filter { $0 != parent.processID && isSettingUp($0, childOf: parent.processID) }
                await Task.yield()
            }
            kill(parent.processID, SIGKILL)
            return children[0]
        }
        try await promptly(within: .seconds(2)) { try await end(of: session) }
        #expect(try members(of: session) == [])
    }

    /// Whether the process is a child of another, and has taken its line: it has the dummy in its place.
    private func isSettingUp(_ process: Int32, childOf parent: Int32) -> Bool {
        state(of: process)?.parent == parent && linkTarget("/proc/\(process)/fd/0") == "/dev/null"
    }
}
