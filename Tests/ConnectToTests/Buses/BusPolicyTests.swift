import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("A bus with a restrictive policy", .chosenExecutor, .timeLimit(.minutes(1)))
struct BusPolicyTests {
    @Test("A program that the bus's policy keeps from calling a context is refused, and the listener hears nothing")
    func policyForbidsCall() async throws {
        let rule = #"<deny send_interface="org.connectto.Context1" send_member="Connect"/>"#
        try await withPrivateBus(configuration: BusConfiguration(rules: rule)) { bus in
            let (here, there) = (
                try await Bus.makeSeparate(at: bus.address), try await Bus.makeSeparate(at: bus.address)
            )
            let context = try await there.register("x", options: .init(metadata: ["a": "b"]))
            for policy in [WaitPolicy.now, .untilAvailable(for: .seconds(60))] {
                let port = here.connectTo("x", options: .init(wait: policy))
                try port.postMessage("unheard")
                #expect(try await port.waitUntilClosed().code == .refused)
            }
            await context.unregister()
            #expect(await context.nextConnect() == nil)
        }
    }

    @Test("A program that the bus's policy keeps from owning a name gets an error, and can go on without the name")
    func policyForbidsOwning() async throws {
        let rule = #"<deny own_prefix="org.example"/>"#
        try await withPrivateBus(configuration: BusConfiguration(rules: rule)) { bus in
            let here = try await Bus.makeSeparate(at: bus.address)
            let error = await #expect(throws: ConnectToError.self) {
                try await here.register("x", origin: "org.example")
            }
            #expect(error?.code == .denied)
            #expect(try await here.register("x").status == .registered)
        }
    }

    @Test(
        "Registering more names than the bus allows is an error, and the names registered before are kept",
        .enabled(if: BusProgram.chosen != .broker, "dbus-broker does not bound names as such"))
    func namesOverBusLimit() async throws {
        let five = BusConfiguration(limits: ["max_names_per_connection": 5])
        try await withPrivateBus(configuration: five) { bus in
            let here = try await Bus.makeSeparate(at: bus.address)
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
