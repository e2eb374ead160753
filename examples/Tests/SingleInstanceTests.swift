import ConnectToTesting
import Foundation
import Glibc
import Testing

@Suite("The example single-instance", .privateBus, .timeLimit(.minutes(1)))
struct SingleInstanceTests {
    private let example = Example.built("single-instance")

    @Test("A second start hands its arguments to the first, and ends with the first one's answer and exit code")
    func argumentsAndExitCode() async throws {
        let file = try PrivateBus.current.directory + "/document"
        try "words".write(toFile: file, atomically: true, encoding: .utf8)
        try await withExample(example) { first in
            #expect(await first.line() == "nothing to open")
            let second = try await outcome(of: example, file)
            #expect(second.output == "opened \(file)\n")
            #expect(second.exitCode == 0)
            #expect(await first.line() == "opened \(file)")
            let third = try await outcome(of: example, file + "-missing")
            #expect(third.output == "cannot open \(file)-missing\n")
            #expect(third.exitCode == EX_NOINPUT)
        }
    }

    @Test("Of many starts at once one is the first, and it does the work of all")
    func manyAtOnce() async throws {
        try await withExample(example) { first in
            #expect(await first.line() == "nothing to open")
            try await withThrowingTaskGroup(of: Int32?.self) { group in
                for _ in 0..<8 { group.addTask { try await outcome(of: example, "/dev/null").exitCode } }
                for try await code in group { #expect(code == 0) }
            }
            for _ in 0..<8 { #expect(await first.line() == "opened /dev/null") }
        }
    }

    @Test("A first start that hangs is named with its process id, and another can take its place")
    func hungFirst() async throws {
        try await withExample(example) { first in
            #expect(await first.line() == "nothing to open")
            try first.suspend()
            let second = try await outcome(of: example, "/dev/null")
            #expect(second.exitCode == EX_TEMPFAIL)
            #expect(second.errors.contains("process \(first.processID)"))
            #expect(second.errors.count { $0 == "\n" } == 1)
            try await withExample(example, "--replace", "/dev/null") { other in
                #expect(await other.line() == "opened /dev/null")
                first.resume()
                #expect(await first.line() == "another start has taken over")
                let third = try await outcome(of: example, "/dev/null")
                #expect(third.exitCode == 0)
                #expect(await other.line() == "opened /dev/null")
            }
        }
    }
}
