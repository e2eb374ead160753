import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite(
    "An application behind a filtering D-Bus proxy, as in a sandbox", .privateBus, .chosenExecutor,
    .timeLimit(.minutes(1)),
    .enabled(if: isInstalled("xdg-dbus-proxy"), "xdg-dbus-proxy is missing: apt-get install xdg-dbus-proxy"))
struct ProxyTests {
    /// What a Flatpak app of that id may do without asking.
    private static let ownRules = ["--own=org.example.App.*"]

    @Test(
        "Behind a proxy with the permission to talk, an application connects, and the bus names the proxy as caller")
    func talkPermissionConnects() async throws {
        let outside = try await Bus.onPrivateBus()
        let context = try await outside.register("x")
        try await withFilteringProxy(to: .current, rules: ["--talk=org.connectto.Context.x"]) { address in
            let inside = try await Bus.makeSeparate(at: address)
            let port = inside.connectTo("x", options: .init(wait: .now))
            try port.postMessage("Hello")
            let event = try #require(await context.nextConnect())
            #expect(try await event.source.nextText() == "Hello")
            try event.source.postMessage("Welcome!")
            #expect(try await port.nextText() == "Welcome!")
            #expect(event.peer.uid == geteuid())
            #expect(event.peer.pid != getpid())
            port.close()
        }
    }

    @Test("Behind a proxy, a line that is open no longer needs the proxy")
    func lineOutlivesProxy() async throws {
        let outside = try await Bus.onPrivateBus()
        let context = try await outside.register("x")
        let (port, event) = try await withFilteringProxy(
            to: .current, rules: ["--talk=org.connectto.Context.x"]
        ) { address in
            let inside = try await Bus.makeSeparate(at: address)
            let port = inside.connectTo("x", options: .init(wait: .now))
            let event = try #require(await context.nextConnect())
            try await port.waitUntilOpen()
            return (port, event)
        }
        try port.postMessage("still here")
        #expect(try await event.source.nextText() == "still here")
        port.close()
    }

    @Test("Behind a proxy without permission a context is unavailable, and is not in the directory")
    func hiddenNameIsUnavailable() async throws {
        let outside = try await Bus.onPrivateBus()
        let context = try await outside.register("x")
        try await withFilteringProxy(to: .current, rules: Self.ownRules) { address in
            let inside = try await Bus.makeSeparate(at: address)
            #expect(try await inside.connectTo("x", options: .init(wait: .now)).waitUntilClosed().code == .unavailable)
            #expect(try await inside.directory().isEmpty)
        }
        await context.unregister()
        #expect(await context.nextConnect() == nil)
    }

    @Test("Behind a proxy with only the permission to see, an application is refused")
    func seePermissionIsRefused() async throws {
        let outside = try await Bus.onPrivateBus()
        let context = try await outside.register("x")
        try await withFilteringProxy(to: .current, rules: ["--see=org.connectto.Context.x"]) { address in
            let inside = try await Bus.makeSeparate(at: address)
            #expect(try await inside.connectTo("x", options: .init(wait: .now)).waitUntilClosed().code == .refused)
            #expect(try await inside.directory().map(\.name) == ["x"])
        }
        withExtendedLifetime(context) {}
    }

    @Test("Behind a proxy, an application learns of the proxy from the bus")
    func learnsOfTheProxy() async throws {
        try await withFilteringProxy(to: .current, rules: Self.ownRules) { address in
            let info = try await Bus.makeSeparate(at: address).info()
            #expect(info.proxy?.processName == "xdg-dbus-proxy")
            #expect(info.proxy?.uid == geteuid())
            #expect(info.knowsProcesses)
        }
        #expect(try await Bus.onPrivateBus().info().proxy == nil)
    }

    @Test("Behind a proxy, an application listens under its own id, to callers outside and inside")
    func listensUnderOwnID() async throws {
        let outside = try await Bus.onPrivateBus()
        try await withFilteringProxy(to: .current, rules: Self.ownRules) { address in
            let inside = try await Bus.makeSeparate(at: address)
            let context = try await inside.register("x", origin: "org.example.App")
            for caller in [outside, try await Bus.makeSeparate(at: address)] {
                let port = caller.connectTo("x", origin: "org.example.App", options: .init(wait: .now))
                try port.postMessage("Hello")
                let event = try #require(await context.nextConnect())
                #expect(try await event.source.nextText() == "Hello")
                port.close()
            }
        }
    }

    @Test(
        "Behind a proxy, an application cannot listen under another id, and learns why",
        arguments: ["org.connectto", "org.example"])
    func otherIDIsDenied(origin: String) async throws {
        try await withFilteringProxy(to: .current, rules: Self.ownRules) { address in
            let inside = try await Bus.makeSeparate(at: address)
            let error = await #expect(throws: ConnectToError.self) {
                try await inside.register("x", origin: origin)
            }
            #expect(error?.code == .denied)
            #expect(error?.message.contains("proxy") == true)
        }
    }
}
