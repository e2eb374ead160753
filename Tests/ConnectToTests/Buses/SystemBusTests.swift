import ConnectToTestSupport
import ConnectToTesting
import Glibc
import SystemPackage
import Testing

@testable import ConnectTo

@Suite(
    "A system bus with the policy that comes along, and two users", .chosenExecutor, .timeLimit(.minutes(1)),
    .enabled(if: isRoot, "needs root, for a second user"))
struct SystemBusTests {
    /// `dbus/org.connectto.conf`.
    private static let policy = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent().removingLastComponent().appending("dbus/org.connectto.conf")

    /// A bus that other users can reach too.
    private func withSystemBus(
        files: [FilePath] = [policy], _ body: (PrivateBus) async throws -> Void
    ) async throws {
        try await withOpenBus(BusConfiguration(policy: .system(files: files)), body)
    }

    /// A peer (``testPeer``) of the user that is nobody.
    private func asNobody(
        _ role: String, _ name: String, on bus: PrivateBus, body: (TalkingProcess) async throws -> Void
    ) async throws {
        try await withProcess(
            "/usr/bin/setpriv",
            [
                "--reuid=65534", "--regid=65534", "--clear-groups", testPeer, bus.address, role,
                name,
            ],
            body: body)
    }

    @Test("On a system bus without the policy file, registering a context is denied")
    func withoutPolicyRegisteringIsDenied() async throws {
        try await withSystemBus(files: []) { bus in
            let here = try await Bus.makeSeparate(at: bus.address)
            let error = await #expect(throws: ConnectToError.self) { try await here.register("x") }
            #expect(error?.code == .denied)
        }
    }

    @Test("On a system bus, two programs of one user, not root, find each other and talk")
    func sameUserConnects() async throws {
        try await withSystemBus { bus in
            try await asNobody("echo", "x", on: bus) { listener in
                #expect(await listener.line() == "listening")
                try await asNobody("call", "x", on: bus) { caller in
                    #expect(await caller.line() == "connecting")
                    #expect(await caller.line() == "open")
                }
            }
        }
    }

    @Test("On a system bus, a listener decides who may connect; by default that is its own user, not even root")
    func otherUserNeedsAdmission() async throws {
        try await withSystemBus { bus in
            try await asNobody("echo", "x", on: bus) { listener in
                #expect(await listener.line() == "listening")
                let here = try await Bus.makeSeparate(at: bus.address)
                let reason = try await here.connectTo("x", options: .init(wait: .now)).waitUntilClosed()
                #expect(reason.code == .refused)
                // By the listener: the bus let the call through.
                #expect(!reason.detail.contains("policy"))
                let context = try await here.register("y")
                try await asNobody("call", "y", on: bus) { caller in
                    #expect(await caller.line() == "connecting")
                    #expect(await caller.line() == "ended: refused")
                }
                withExtendedLifetime(context) {}
            }
        }
    }

    @Test("On a system bus, the directory shows which program has registered what")
    func directoryOnSystemBus() async throws {
        try await withSystemBus { bus in
            try await asNobody("echo", "x", on: bus) { listener in
                #expect(await listener.line() == "listening")
                let here = try await Bus.makeSeparate(at: bus.address)
                let entry = try #require(try await here.directory().first)
                #expect(entry.name == "x")
                #expect(entry.uid == 65534)
            }
        }
    }

    @Test("On a system bus, a program cannot register under an origin that the policy does not name")
    func otherOriginIsForbidden() async throws {
        try await withSystemBus { bus in
            let here = try await Bus.makeSeparate(at: bus.address)
            let error = await #expect(throws: ConnectToError.self) {
                try await here.register("x", origin: "org.example")
            }
            #expect(error?.code == .denied)
        }
    }
}
