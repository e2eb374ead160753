import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToDBus

/// How connections end.
@Suite(.privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct BusConnectionLossTests {
    @Test("A call gets NoReply from the bus when the callee leaves")
    func calleeLeaves() async throws {
        let bus = try PrivateBus.current
        let (caller, callee) = (try await bus.open(), try await bus.open())
        await callee.export(path: Objects.silent) { [weak callee] _ in
            // Inside a handler, while libdbus still dispatches the message.
            callee?.assumeIsolated { $0.close() }
        }
        let error = await #expect(throws: DBusError.self) {
            try await caller.call(.test(callee.uniqueName, Objects.silent), deadline: .seconds(30))
        }
        #expect(error?.name == DBusError.Name.noReply)
        #expect(error?.kind == .reply)
        await caller.close()
    }

    @Test("When the bus dies every pending call fails, and then the disconnect handler runs once")
    func busDies() async throws {
        let bus = try PrivateBus.current
        let connection = try await bus.open()
        let calls = Log<MethodCall>()
        let events = Log<String>()
        await connection.exportSilent { calls.add($0) }
        await connection.onDisconnect { events.add("lost: \($0.kind)") }
        for number in 0..<10 {
            await connection.call(
                .test(connection.uniqueName, Objects.silent), deadline: .seconds(50)
            ) { result in
                if case .failure(let error) = result { events.add("\(number): \(error.kind)") }
            }
        }
        await calls.wait(for: 10)
        bus.kill()
        let expected = (0..<10).map { "\($0): disconnected" } + ["lost: disconnected"]
        #expect(await events.wait(for: 11) == expected)
        await Loop.runWaitingWork(of: try Loop.shared)
        #expect(events.entries.count == 11)
        #expect(await connection.isConnected == false)
        #expect(try bus.openDescriptors().isEmpty)

        // After the loss calls fail at once, and a handler that is added late is called too.
        await connection.onDisconnect { events.add("late: \($0.kind)") }
        #expect(await events.wait(for: 12).last == "late: disconnected")
        let error = await #expect(throws: DBusError.self) {
            try await connection.requestName("org.example.A", flags: .doNotQueue)
        }
        #expect(error?.kind == .offline)
        await connection.close()
        await connection.close()
    }

    @Test("Closing a connection fails pending calls, runs no disconnect handler, and leaks no descriptor")
    func closingWithPendingCalls() async throws {
        let bus = try PrivateBus.current
        let connection = try await bus.open()
        let calls = Log<MethodCall>()
        let events = Log<String>()
        await connection.exportSilent { calls.add($0) }
        await connection.onDisconnect { _ in events.add("lost") }
        await connection.call(.test(connection.uniqueName, Objects.silent), deadline: .seconds(50)) {
            result in
            if case .failure(let error) = result { events.add("\(error.kind)") }
        }
        await calls.wait(for: 1)
        #expect(try bus.openDescriptors().count == 1)
        await connection.close()
        await connection.close()
        #expect(await events.wait(for: 1) == ["disconnected"])
        await Loop.runWaitingWork(of: try Loop.shared)
        #expect(events.entries.count == 1)
        #expect(await connection.isConnected == false)
        #expect(try bus.openDescriptors().isEmpty)
    }

    @Test("Closing right after a call, or in a completion, completes each call once")
    func closingAroundCalls() async throws {
        let bus = try PrivateBus.current
        let connection = try await bus.open()
        let kinds = Log<DBusError.Kind>()
        let events = Log<Bool>()
        await connection.callAndClose { result in
            if case .failure(let error) = result { kinds.add(error.kind) }
        }
        #expect(Set(await kinds.wait(for: 2)) == [.disconnected, .offline])

        let other = try await bus.open()
        await other.call(.toBus("GetId"), deadline: .seconds(10)) { [other] result in
            other.assumeIsolated { $0.close() }
            if case .success = result { events.add(true) }
        }
        #expect(await events.wait(for: 1) == [true])
        await Loop.runWaitingWork(of: try Loop.shared)
        #expect(try bus.openDescriptors().isEmpty)
    }

    @Test("Releasing a connection closes it, and fails its pending calls")
    func releasedConnectionCloses() async throws {
        let bus = try PrivateBus.current
        let events = Log<Bool>()
        func openAndDrop() async throws {
            let connection = try await bus.open()
            await connection.exportSilent()
            await connection.call(
                .test(connection.uniqueName, Objects.silent), deadline: .seconds(50)
            ) { result in
                if case .failure(let error) = result { events.add(error.kind == .disconnected) }
            }
        }
        try await openAndDrop()
        #expect(await events.wait(for: 1) == [true])
        await Loop.runWaitingWork(of: try Loop.shared)
        #expect(try bus.openDescriptors().isEmpty)
    }

    @Test("A hundred connections, with descriptors in their messages, leak no descriptor")
    func noDescriptorLeak() async throws {
        let bus = try PrivateBus.current
        try await expectNoDescriptorLeak {
            for _ in 0..<100 {
                let connection = try await bus.open()
                await connection.exportEcho()
                let pair = try StreamSocket.pair()
                _ = try await connection.call(
                    .test(connection.uniqueName, Objects.echo, [.unixFD(pair.0.descriptor)]),
                    deadline: .seconds(10))
                // No handler exports this path, so no code takes this descriptor.
                _ = try? await connection.call(
                    .test(connection.uniqueName, "/nowhere", [.unixFD(pair.1.descriptor)]),
                    deadline: .seconds(10))
                await connection.close()
            }
            await Loop.runWaitingWork(of: try Loop.shared)
        }
        #expect(try bus.openDescriptors().isEmpty)
    }
}

extension BusConnection {
    /// In one turn: makes a call, closes, and makes another call.
    fileprivate func callAndClose(completion: @escaping Completion) {
        call(.toBus("GetId"), deadline: .seconds(10), completion: completion)
        close()
        call(.toBus("GetId"), deadline: .seconds(10), completion: completion)
    }
}
