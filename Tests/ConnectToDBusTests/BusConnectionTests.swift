import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToDBus

@Suite(.privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct BusConnectionTests {
    // MARK: Calls

    @Test("Two connections of one process, on two loops, call one another")
    func mutualCalls() async throws {
        let bus = try PrivateBus.current
        let one = try await bus.open(on: try Loop.shared)
        let two = try await bus.open(on: try Loop.second)
        await one.exportEcho()
        await two.exportEcho()
        for (caller, callee) in [(one, two), (two, one)] {
            let reply = try await caller.call(
                .test(callee.uniqueName, Objects.echo, [.string(caller.uniqueName)]), deadline: .seconds(10))
            #expect(reply.body == [.string(caller.uniqueName)])
            #expect(reply.sender == callee.uniqueName)
        }
        await one.close()
        await two.close()
    }

    @Test("A handler gets the caller, path, interface, member and body of a call")
    func handlerGetsCall() async throws {
        let bus = try PrivateBus.current
        let (caller, callee) = (try await bus.open(), try await bus.open())
        let calls = Log<MethodCall>()
        await callee.exportSilent { calls.add($0) }
        await caller.call(.test(callee.uniqueName, Objects.silent, [.byte(7)]), deadline: .seconds(30)) { _ in
        }
        let call = try #require(await calls.wait(for: 1).first)
        #expect(call.sender == caller.uniqueName)
        #expect(call.path == Objects.silent)
        #expect(call.interface == Objects.interface)
        #expect(call.member == "Call")
        #expect(call.body == [.byte(7)])
        #expect(call.expectsReply)
        await caller.close()
        await callee.close()
    }

    @Test("The replies to a thousand calls arrive in the order of the calls")
    func pipelinedReplies() async throws {
        let bus = try PrivateBus.current
        let (caller, callee) = (try await bus.open(), try await bus.open(on: try Loop.second))
        await callee.exportEcho()
        let replies = Log<UInt32?>()
        await caller.callThousandTimes(callee.uniqueName) { result in
            if case .uint32(let number)? = (try? result.get())?.body.first {
                replies.add(number)
            } else {
                replies.add(nil)
            }
        }
        #expect(await replies.wait(for: 1000) == (0..<1000).map { $0 })
        await caller.close()
        await callee.close()
    }

    @Test("An error reply arrives with the name and message that were sent")
    func errorReply() async throws {
        let connection = try await PrivateBus.current.open()
        await connection.export(path: "/error") { [weak connection] call in
            connection?.assumeIsolated {
                $0.replyError(to: call, name: "org.example.Error.Mine", message: "wörtlich")
            }
        }
        let error = await #expect(throws: DBusError.self) {
            try await connection.call(.test(connection.uniqueName, "/error"), deadline: .seconds(10))
        }
        #expect(error == DBusError(name: "org.example.Error.Mine", message: "wörtlich"))
        #expect(error?.kind == .reply)
        await connection.close()
    }

    @Test("A call to a path that is not exported gets UnknownObject")
    func unknownObject() async throws {
        let connection = try await PrivateBus.current.open()
        await connection.exportEcho()
        for path in ["/", "/nowhere"] {
            let error = await #expect(throws: DBusError.self) {
                try await connection.call(.test(connection.uniqueName, path), deadline: .seconds(10))
            }
            #expect(error?.name == DBusError.Name.unknownObject)
        }
        await connection.close()
    }

    @Test("A call to a name without an owner gets ServiceUnknown or NameHasNoOwner")
    func unknownService() async throws {
        let connection = try await PrivateBus.current.open()
        var call = OutgoingCall.test("org.example.Nobody")
        for noAutoStart in [false, true] {
            call.noAutoStart = noAutoStart
            let error = await #expect(throws: DBusError.self) {
                try await connection.call(call, deadline: .seconds(10))
            }
            #expect([DBusError.Name.serviceUnknown, DBusError.Name.nameHasNoOwner].contains(error?.name))
        }
        await connection.close()
    }

    @Test("A reply that D-Bus cannot carry becomes an error reply, so that the caller does not wait")
    func unsendableReply() async throws {
        let connection = try await PrivateBus.current.open()
        await connection.export(path: "/bad") { [weak connection] call in
            connection?.assumeIsolated { $0.reply(to: call, [.string("\0")]) }
        }
        let error = await #expect(throws: DBusError.self) {
            try await connection.call(.test(connection.uniqueName, "/bad"), deadline: .seconds(10))
        }
        #expect(error?.name == DBusError.Name.failed)
        await connection.close()
    }

    @Test("A call fails at its deadline, and a late reply does no harm")
    func callFailsAtDeadline() async throws {
        let connection = try await PrivateBus.current.open()
        let calls = Log<MethodCall>()
        await connection.exportSilent { calls.add($0) }
        await connection.exportEcho()
        let error = await #expect(throws: DBusError.self) {
            try await connection.call(
                .test(connection.uniqueName, Objects.silent), deadline: .milliseconds(50))
        }
        #expect(error?.kind == .timedOut)
        let call = try #require(await calls.wait(for: 1).first)
        await connection.reply(to: call, [])
        let reply = try await connection.call(
            .test(connection.uniqueName, Objects.echo, [.byte(1)]), deadline: .seconds(10))
        #expect(reply.body == [.byte(1)])
        await connection.close()
    }

    @Test("A reply in time counts, though the caller was stopped until after the deadline")
    func replyWhileCallerWasStopped() async throws {
        let connection = try await PrivateBus.current.open()
        // The bus's signals about this connection have arrived with this: what comes next is the reply.
        _ = try await connection.call(.toBus("GetId"), deadline: .seconds(10))
        let result = await withCheckedContinuation { continuation in
            Task { await connection.callWhileStopped { continuation.resume(returning: $0) } }
        }
        #expect(throws: Never.self) { try result.get() }
        await connection.close()
    }

    @Test("Cancelling a task ends its call at once, sent or not")
    func cancelledCall() async throws {
        let connection = try await PrivateBus.current.open()
        let calls = Log<MethodCall>()
        await connection.exportSilent { calls.add($0) }
        let task = Task {
            try await connection.call(.test(connection.uniqueName, Objects.silent), deadline: .seconds(50))
        }
        await calls.wait(for: 1)
        task.cancel()
        var error = await #expect(throws: DBusError.self) { try await task.value }
        #expect(error?.kind == .cancelled)
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await connection.call(
                .test(connection.uniqueName, Objects.silent), deadline: .seconds(50))
        }
        error = await #expect(throws: DBusError.self) { try await late.value }
        #expect(error?.kind == .cancelled)
        #expect(calls.entries.count == 1)
        await connection.close()
    }

    // MARK: Names

    @Test("A bus name has one owner, and passes to the next in the queue")
    func nameOwnersAndQueue() async throws {
        let bus = try PrivateBus.current
        let (one, two) = (try await bus.open(), try await bus.open())
        let name = "org.example.Name"
        #expect(try await one.requestName(name, flags: .doNotQueue) == .primaryOwner)
        #expect(try await one.requestName(name, flags: .doNotQueue) == .alreadyOwner)
        #expect(try await two.requestName(name, flags: .doNotQueue) == .exists)
        #expect(try await two.releaseName(name) == .notOwner)
        #expect(try await two.requestName(name, flags: []) == .inQueue)
        let acquired = Log<DBusValue?>()
        await two.onSignal { if $0.member == "NameAcquired" { acquired.add($0.body.first) } }
        #expect(try await one.releaseName(name) == .released)
        #expect(await acquired.wait(for: 1) == [.string(name)])
        #expect(try await two.releaseName(name) == .released)
        #expect(try await two.releaseName(name) == .nonExistent)
        for bad in ["", "nodots", ":1.1", "a.b\0"] {
            let error = await #expect(throws: DBusError.self) {
                try await one.requestName(bad, flags: .doNotQueue)
            }
            #expect(error?.kind == .invalid)
        }
        await one.close()
        await two.close()
    }

    // MARK: Signals

    @Test("Signals arrive once each, in order, until their match rule was removed as often as added")
    func signalsUntilLastRemoval() async throws {
        let bus = try PrivateBus.current
        let (listener, emitter) = (try await bus.open(), try await bus.open(on: try Loop.second))
        let rule = MatchRule(sender: emitter.uniqueName, interface: Objects.interface, member: "Tick")
        let ticks = Log<DBusValue?>()
        let marks = Log<Int>()
        await listener.onSignal { signal in
            if signal.sender != emitter.uniqueName { return }
            if signal.member == "Tick" {
                ticks.add(signal.body.first)
            } else {
                marks.add(ticks.entries.count)
            }
        }
        func tick(_ numbers: Range<Int32>) async throws {
            for number in numbers {
                try await emitter.emit("Tick", number)
            }
            // Addressed to the listener, so it needs no rule. It arrives after the signals that were sent before it.
            try await emitter.emit("Mark", to: listener.uniqueName)
        }
        try await listener.addMatch(rule)
        try await listener.addMatch(rule)
        try await tick(0..<100)
        #expect(await marks.wait(for: 1) == [100])
        await listener.removeMatch(rule)
        try await tick(100..<101)
        #expect(await marks.wait(for: 2) == [100, 101])
        await listener.removeMatch(rule)
        // When this returns the bus has removed the rule.
        _ = try await listener.call(.toBus("GetId"), deadline: .seconds(10))
        try await tick(101..<102)
        #expect(await marks.wait(for: 3) == [100, 101, 101])
        #expect(ticks.entries == (0..<101).map { .int32($0) })
        await listener.close()
        await emitter.close()
    }

    @Test("A match rule that the bus refuses fails each time, and is not counted")
    func refusedMatchRule() async throws {
        let connection = try await PrivateBus.current.open()
        let rule = MatchRule(path: "no path")
        for _ in 1...2 {
            let error = await #expect(throws: DBusError.self) { try await connection.addMatch(rule) }
            #expect(error?.name == "org.freedesktop.DBus.Error.MatchRuleInvalid")
        }
        await connection.close()
    }

    // MARK: Broken messages

    @Test("A call with an invalid destination, path, interface or member is refused")
    func invalidCall() async throws {
        let connection = try await PrivateBus.current.open()
        let good = OutgoingCall.test(connection.uniqueName)
        var bad = [good, good, good, good]
        bad[0].destination = "nobody"
        bad[1].path = "no path"
        bad[2].interface = "none"
        bad[3].member = "a.b"
        for call in bad {
            let error = await #expect(throws: DBusError.self) {
                try await connection.call(call, deadline: .seconds(10))
            }
            #expect(error?.kind == .invalid)
        }
        await connection.close()
    }

    @Test("A call that refers to a descriptor which did not come with it gets InvalidArgs")
    func missingDescriptor() async throws {
        let bus = try PrivateBus.current
        let (caller, callee) = (try await bus.open(), try await bus.open(on: try Loop.second))
        await callee.exportEcho()
        let pair = try StreamSocket.pair()
        for (number, expected) in [
            (UInt8(0), nil), (1, DBusError.Name.invalidArguments), (3, DBusError.Name.invalidArguments),
        ] {
            let answers = Log<Result<Reply, DBusError>>()
            try await caller.call(callee.uniqueName, with: pair.0.descriptor, asNumber: number) { answers.add($0) }
            let answer = try #require(await answers.wait(for: 1).first)
            if case .failure(let error) = answer {
                #expect(error.name == expected)
            } else {
                #expect(expected == nil)
            }
        }
        await caller.close()
        await callee.close()
    }
}

extension BusConnection {
    /// Makes all calls in one turn of the loop.
    fileprivate func callThousandTimes(_ destination: String, completion: @escaping Completion) {
        for number in UInt32(0)..<1000 {
            call(
                .test(
                    destination, Objects.echo,
                    // Short messages bypass libdbus, and long ones do not.
                    [.uint32(number), .bytes([UInt8](repeating: 0, count: number % 4 == 0 ? 20_000 : 0))]),
                deadline: .seconds(30),
                completion: completion)
        }
    }
}
