import ConnectToTesting
import Glibc
import SystemPackage
import Testing

@Suite("A private bus whose process ends", .timeLimit(.minutes(1)))
struct ProcessEndTests {
    /// How the process ends.
    enum Ending: Int32, Codable, CaseIterable {
        case exit = 0
        /// As Ctrl-C does it: all processes of the group get the signal.
        case interrupted = 2
        case killed = 9
        case terminated = 15

        var status: ExitTest.Condition { self == .exit ? .exitCode(0) : .signal(rawValue) }
    }

    @Test("A private bus ends when its process ends, and its directory with it", arguments: Ending.allCases)
    func busEndsWithProcess(_ ending: Ending) async throws {
        try await endsToo(ending, restarted: false)
    }

    @Test("A private bus that was started again and then stopped ends when its process ends")
    func restartedBusEndsWithProcess() async throws {
        try await endsToo(.killed, restarted: true)
    }

    @Test("Fifty private buses of a killed process leave no daemon, shell or directory")
    func fiftyBusesEndWithProcess() async throws {
        let result = await #expect(
            processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
        ) {
            setpgid(0, 0)
            try await withThrowingDiscardingTaskGroup { group in
                let (ready, isReady) = AsyncStream<String>.makeStream()
                for _ in 0..<50 {
                    group.addTask {
                        try await withPrivateBus { bus in
                            _ = try await names(on: bus)
                            isReady.yield("bus \(bus.processID) \(bus.directory)\n")
                            // Ends with the process, and not before.
                            for await _ in AsyncStream<Never>.makeStream().stream {}
                        }
                    }
                }
                var lines = ""
                var count = 0
                for await line in ready {
                    lines += line
                    count += 1
                    if count == 50 { break }
                }
                try FileDescriptor.standardOutput.writeAll(lines.utf8)
                kill(getpid(), SIGKILL)
            }
        }
        let output = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
        let buses = output.split(separator: "\n").filter { $0.hasPrefix("bus ") }.map { $0.split(separator: " ") }
        #expect(buses.count == 50)
        for words in buses {
            let processID = try #require(Int32(words[1]))
            while isRunning(processID) || exists(String(words[2])) { try await Task.sleep(for: .milliseconds(1)) }
        }
    }

    private func endsToo(_ ending: Ending, restarted: Bool) async throws {
        let result = await #expect(
            processExitsWith: ending.status, observing: [\.standardOutputContent]
        ) { [ending = ending as Ending, restarted = restarted as Bool] in
            setpgid(0, 0)
            try await withPrivateBus { bus in
                if restarted {
                    try await bus.restart()
                    kill(bus.processID, SIGSTOP)
                }
                try FileDescriptor.standardOutput.writeAll("bus \(bus.processID) \(bus.directory)\n".utf8)
                switch ending {
                case .exit: Glibc.exit(0)
                case .interrupted: kill(0, SIGINT)
                case .killed, .terminated: kill(getpid(), ending.rawValue)
                }
                // Ends with the process, and not before.
                for await _ in AsyncStream<Never>.makeStream().stream {}
            }
        }
        let output = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
        let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("bus ") })
        let words = line.split(separator: " ")
        let processID = try #require(Int32(words[1]))
        // Nobody tells of the end of a process that was another's child, or of a directory.
        while isRunning(processID) || exists(String(words[2])) {
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}
