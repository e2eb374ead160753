import CConnectToLinux
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@Suite("expectNoDescriptorLeak", .timeLimit(.minutes(1)))
struct DescriptorLeakTests {
    @Test("expectNoDescriptorLeak reports a socket that stays open, by number and kind")
    func leakedSocketIsReported() async throws {
        var left: (StreamSocket, StreamSocket)?
        let reported = try await leak { left = try StreamSocket.pair() }
        let sockets = reported.filter { $0.target.hasPrefix("socket:[") }.map(\.number)
        let pair = try #require(left)
        #expect(sockets.contains(pair.0.descriptor.rawValue))
        #expect(sockets.contains(pair.1.descriptor.rawValue))
    }

    @Test("expectNoDescriptorLeak reports a memfd that stays open, by name")
    func leakedMemfdIsReported() async throws {
        var left: Descriptor?
        let reported = try await leak {
            left = Descriptor(adopting: try systemCall("memfd_create") { clinux_memfd("left-open") })
        }
        #expect(reported.contains { $0.number == left?.rawValue && $0.target.contains("left-open") })
    }

    @Test("expectNoDescriptorLeak reports a number that was open before, and is open to something else")
    func reusedNumberIsReported() async throws {
        let reused = Descriptor(adopting: open("/dev/null", O_RDONLY | O_CLOEXEC))
        let reported = try await leak {
            // Closes and opens in one step, so that no test beside this one is given the number.
            let other = Descriptor(adopting: open("/proc/version", O_RDONLY | O_CLOEXEC))
            try systemCall("dup2") { dup2(other.rawValue, reused.rawValue) }
        }
        #expect(reported.contains { $0.number == reused.rawValue && $0.target == "/proc/version" })
    }

    @Test("expectNoDescriptorLeak reports what stays open although the closure throws")
    func leakIsReportedAfterThrow() async throws {
        struct Oops: Error {}
        var left: StreamSocket?
        var reported: [OpenDescriptor] = []
        await #expect(throws: Oops.self) {
            try await reportingDescriptorLeak(within: .zero) {
                left = try StreamSocket.pair().0
                throw Oops()
            } report: {
                reported = $0
            }
        }
        #expect(reported.contains { $0.number == left?.descriptor.rawValue })
    }

    @Test("expectNoDescriptorLeak records one issue, which says what else may own the descriptors and what to do")
    func leakIsOneIssue() async throws {
        var left: StreamSocket?
        try await withKnownIssue {
            try await expectNoDescriptorLeak(within: .zero) { left = try StreamSocket.pair().0 }
        } matching: { issue in
            issue.comments.contains { $0.rawValue.contains("another one") && $0.rawValue.contains(".serialized") }
        }
        withExtendedLifetime(left) {}
    }

    @Test("expectNoDescriptorLeak reports nothing that was closed, here or on the queue for peers' descriptors")
    func closedDescriptorsAreNoLeak() async throws {
        try await expectNoDescriptorLeak {
            for _ in 0..<100 {
                let (end, other) = try StreamSocket.pair()
                let copy = try end.descriptor.duplicate()
                withExtendedLifetime((end, other, copy)) {}
                _ = Descriptor(adopting: dup(other.descriptor.rawValue), from: .peer)
            }
        }
    }

    @Test("expectNoDescriptorLeak reports nothing that was open before and is closed in between")
    func descriptorsFromBeforeMayClose() async throws {
        var pair: (StreamSocket, StreamSocket)? = try StreamSocket.pair()
        try await expectNoDescriptorLeak {
            withExtendedLifetime(pair) {}
            pair = nil
        }
    }

    @Test("expectNoDescriptorLeak waits for what another test has open, and no longer than that takes")
    func leakCheckWaitsForOtherTests() async throws {
        // The other test: opens while the closure runs, closes when the reactor's timer says so.
        let reactor = try Reactor()
        try await expectNoDescriptorLeak {
            let pair = try StreamSocket.pair()
            reactor.schedule(after: .milliseconds(20)) { withExtendedLifetime(pair) {} }
        }
    }

    @Test("expectNoDescriptorLeak returns what the closure returns")
    func leakCheckReturnsResult() async throws {
        #expect(try await expectNoDescriptorLeak { 7 } == 7)
    }

    @Test("expectNoDescriptorLeak finds nothing left of a private bus")
    func privateBusLeavesNoDescriptor() async throws {
        try await expectNoDescriptorLeak {
            try await withPrivateBus { bus in _ = try await names(on: bus) }
            try await withPrivateBus { bus in bus.kill() }
        }
        try await expectNoDescriptorLeak {
            _ = await #expect(throws: PrivateBusError.self) {
                try await withPrivateBus(
                    of: .daemon("connectto-no-such-daemon"), configuration: BusConfiguration()
                ) { _ in }
            }
        }
    }

    /// What is reported may hold descriptors of the tests beside this one: they are given no time to go.
    private func leak(of body: () async throws -> Void) async throws -> [OpenDescriptor] {
        var reported: [OpenDescriptor] = []
        try await reportingDescriptorLeak(within: .zero, body) { reported = $0 }
        return reported
    }
}

@Suite("Open descriptors of a process")
struct OpenDescriptorTests {
    @Test("The open descriptors of this process are listed with what they are open to")
    func ownDescriptorsAreListed() throws {
        let pair = try StreamSocket.pair()
        let sockets = try OpenDescriptor.all().filter { $0.number == pair.0.descriptor.rawValue }
        #expect(sockets.count == 1)
        #expect(sockets.first?.target.hasPrefix("socket:[") == true)
    }

    @Test("The open descriptors of another process can be listed", .privateBus, .chosenExecutor)
    func descriptorsOfAnotherProcess() throws {
        let bus = try PrivateBus.current
        #expect(try OpenDescriptor.all(of: bus.processID).contains { $0.target.hasPrefix("socket:[") })
    }

    @Test("The open descriptors of a process that does not exist cannot be listed")
    func descriptorsOfMissingProcess() {
        #expect(throws: (any Error).self) { try OpenDescriptor.all(of: Int32.max) }
    }
}
