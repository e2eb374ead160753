import ConnectToDBus
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite("A caller that expects a certain owner", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct ExpectingTests {
    @Test(
        "An owner of another user than expected gets no call, no line and nothing that was posted",
        .enabled(if: isRoot, "needs root, for a second user"))
    func unexpectedOwnerGetsNothing() async throws {
        try await withOpenBus { bus in
            let here = try await Bus.makeSeparate(at: bus.address)
            try await withPeer("silent", "x", on: bus.address, as: nobody) { squatter in
                #expect(await squatter.line() == "listening")
                for policy in [WaitPolicy.now, .untilAvailable(for: .seconds(60))] {
                    let port = here.connectTo("x", options: .init(wait: policy, expected: .sameUser))
                    try port.postMessage("a secret")
                    #expect(try await port.waitUntilClosed().code == .unexpectedOwner)
                }
                // The first call that it hears of is the one that anybody may have.
                let port = here.connectTo("x", options: .init(expected: .users([nobody])))
                #expect(await squatter.line() == "called")
                port.close()
                try await squatter.finish()
                #expect(await squatter.line() == nil)
            }
        }
    }

    @Test("The expected owner gets all that was posted before the caller looked at it, in order")
    func expectedOwnerGetsAll() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let port = here.connectTo(
            "x",
            options: .init(expected: .all(.sameUser, .executables([LinuxExecutable.own]), .origins(["org.connectto"]))))
        for number in 0..<100 { try port.postMessage("\(number)") }
        // It waits for the name as any other.
        let context = try await there.register("x")
        let event = try #require(await context.nextConnect())
        var messages = event.source.messages.makeAsyncIterator()
        for number in 0..<100 { #expect(try await messages.next()?.text == "\(number)") }
        port.close()
    }

    @Test(
        "A program that takes the name after its owner was looked at gets nothing: the call goes to the unique name"
    )
    func expectedOwnerIsCalledByUniqueName() async throws {
        let here = try await Bus.onPrivateBus()
        let (owner, thief) = (try await ScriptedListener("x"), try await ScriptedListener("y"))
        let name = try ContextName("x")
        await thief.connection.export { _ in
            Issue.record("the thief was called")
            return false
        }
        let port = here.connectTo(
            "x",
            options: .init(
                wait: .now,
                expected: .custom { peer in
                    #expect(peer.busName == owner.connection.uniqueName)
                    _ = try? await owner.connection.releaseName(name.busName)
                    _ = try? await thief.connection.requestName(name.busName, flags: [.doNotQueue])
                    return true
                }))
        try port.postMessage("for the owner")
        let call = try await owner.nextCall()
        #expect(call.member == "Connect")
        await owner.replyError(to: call, DBusError.Name.unknownObject)
        #expect(try await port.waitUntilClosed().code == .unavailable)
        await owner.close()
        await thief.close()
    }

    @Test("While the owner is looked at, the line's far end is in the caller's process alone")
    func lineStaysHereWhileOwnerIsLookedAt() async throws {
        let here = try await Bus.onPrivateBus()
        let squatter = try await ScriptedListener("x")
        let (asked, answer) = (Latch<Void>(), Latch<Bool>())
        let port = here.connectTo(
            "x",
            options: .init(
                expected: .custom { _ in
                    asked.set(())
                    return await answer.wait() ?? false
                }))
        try port.postMessage("a secret")
        _ = await asked.wait()
        // Whatever had been sent to the squatter would be there before the answer to this.
        let reply = try await here.connection.call(
            .toBus("GetNameOwner", [.string(try ContextName("x").busName)]), deadline: .seconds(5))
        #expect(reply.body == [.string(squatter.connection.uniqueName)])
        answer.set(false)
        #expect(try await port.waitUntilClosed().code == .unexpectedOwner)
        await here.close()
        await squatter.close()
        await #expect(throws: ScriptedListener.Ended.self) { _ = try await squatter.nextCallOrEnd() }
    }

    @Test("A name without an owner ends with an expectation as without one")
    func expectingWithoutOwner() async throws {
        let here = try await Bus.onPrivateBus()
        #expect(
            try await here.connectTo("x", options: .init(wait: .now, expected: .sameUser)).waitUntilClosed().code
                == .unavailable)
        let port = here.connectTo(
            "x", options: .init(wait: .untilAvailable(for: .milliseconds(50)), expected: .sameUser))
        #expect(try await port.waitUntilClosed().code == .timedOut)
    }
}
