import ConnectToTestSupport
import ConnectToTesting
import Testing

@Suite(
    "connect as a container's root, who is another user outside", .privateBus, .timeLimit(.minutes(1)),
    .enabled("A container's root \(ContainersRoot.advice)") { await ContainersRoot.isAvailable() })
struct UserNamespaceTests {
    /// Lets every user reach the socket, and runs a command as a container's root.
    private func run(_ command: String) async throws -> Shell.Outcome {
        try await Shell.run("chmod a+rx .. .; chmod a+rw ../bus; \(ContainersRoot.command) \(command)")
    }

    @Test("A bus that refuses a container's root is 69, and the error names both users and what to do")
    func refusalNamesBothUsers() async throws {
        let outcome = try await run("connect list")
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("sees user \(ContainersRoot.outside) where this process says user 0"))
        #expect(outcome.errors.contains("--userns=keep-id"))
        #expect(!outcome.errors.contains("whether the address is right"))
    }

    @Test("connect doctor in a container names the two users, in place of looking for a session")
    func doctorNamesTheCause() async throws {
        let outcome = try await run("connect doctor")
        #expect(outcome.status == 69)
        #expect(outcome.lines.last?.contains("--userns=keep-id") == true)
        #expect(!outcome.text.contains("dbus-run-session"))
    }

    @Test("connect doctor in a container says that there is no bus where there is none")
    func doctorReportsAMissingBus() async throws {
        let outcome = try await run("connect doctor --bus unix:path=/nowhere")
        #expect(outcome.status == 69)
        #expect(!outcome.text.contains("keep-id"))
    }
}
