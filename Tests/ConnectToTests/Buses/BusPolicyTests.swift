import ConnectToTesting
import Glibc
import SystemPackage
import Testing

@testable import ConnectTo

@Suite("What the bus's policy forbids", .timeLimit(.minutes(1)))
struct BusPolicyTests {
    /// A bus with another configuration than the private one's.
    ///
    /// - Parameter edit: for sed, in single quotes.
    private func withBus(_ edit: String, _ body: (PrivateBus) async throws -> Void) async throws {
        try await withTemporaryDirectory(prefix: "connectto-policy") { directory in
            let daemon = directory.appending("daemon")
            let script = """
                #!/bin/sh
                for argument; do
                    case $argument in
                    --config-file=*) sed -i '\(edit)' "${argument#*=}" ;;
                    esac
                done
                exec dbus-daemon "$@"

                """
            let file = try FileDescriptor.open(
                daemon, .writeOnly, options: [.create, .closeOnExec], permissions: .ownerReadWriteExecute)
            try file.closeAfter { _ = try file.writeAll(script.utf8) }
            try await withPrivateBus(
                of: daemon.string, startingWithin: .seconds(10), services: nil, body)
        }
    }

    @Test("who may not call a context is refused, and the listener hears nothing")
    func calling() async throws {
        try await withBus(
            #"s|</policy>|<deny send_interface="org.connectto.Context1" send_member="Connect"/>&|"#
        ) {
            bus in
            let (here, there) = (
                try await Bus.separate(at: bus.address), try await Bus.separate(at: bus.address)
            )
            let context = try await there.register("x", metadata: ["a": "b"])
            for policy in [WaitPolicy.now, .untilAvailable(for: .seconds(60))] {
                let port = here.connectTo("x", wait: policy)
                try port.postMessage("unheard")
                #expect(await port.closed.code == .refused)
            }
            await context.unregister()
            #expect(await context.nextConnect() == nil)
        }
    }

    @Test("who may not own the name is told so, and can do without")
    func owning() async throws {
        try await withBus(#"s|</policy>|<deny own_prefix="org.example"/>&|"#) { bus in
            let here = try await Bus.separate(at: bus.address)
            let error = await #expect(throws: ConnectToError.self) {
                try await here.register("x", origin: "org.example")
            }
            #expect(error?.code == .denied)
            #expect(try await here.register("x").isRegistered)
        }
    }

    @Test("more names than the bus gives is an error, and those that were had are kept")
    func limits() async throws {
        try await withBus("/max_names_per_connection/s/50000/5/") { bus in
            let here = try await Bus.separate(at: bus.address)
            var contexts: [Context] = []
            let error = await #expect(throws: ConnectToError.self) {
                for index in 0..<10 { contexts.append(try await here.register("x\(index)")) }
            }
            #expect(error?.code == .limitsExceeded)
            #expect(!contexts.isEmpty)
            #expect(Set(try await here.directory().map(\.name)) == Set(contexts.map(\.name)))
        }
    }
}
