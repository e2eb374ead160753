import ConnectToTesting
import Glibc
import SystemPackage
import Testing

@testable import ConnectTo

/// Another user than the one who runs the tests, for tests that run as root.
let nobody: UInt32 = 65_534

/// Whether there can be processes of another user; tests that need them are skipped where not, and say so.
let isRoot = geteuid() == 0

/// A private bus that lets every user in.
/// - Parameter limits: in place of the stock session bus's, by name.
func withOpenBus(
    limits: [String: Int] = [:], _ body: (PrivateBus) async throws -> Void
) async throws {
    try await withOpenBus(BusConfiguration(rules: #"<allow user="*"/>"#, limits: limits), body)
}

/// A private bus whose socket every user can reach.
func withOpenBus(
    _ configuration: BusConfiguration, of program: BusProgram = .chosen,
    _ body: (PrivateBus) async throws -> Void
) async throws {
    try await withPrivateBus(of: program, configuration: configuration) { bus in
        #expect(chmod(bus.directory, 0o755) == 0)
        #expect(chmod(bus.directory + "/bus", 0o777) == 0)
        try await body(bus)
    }
}
