import ConnectTo
import ConnectToMessaging
import ConnectToTesting
import Testing

@testable import ConnectCLI

@Suite("connect hub and connect subscribe", .privateBus, .timeLimit(.minutes(1))) struct HubCommandTests {
    @Test("An event that one program posts reaches all that subscribe, with the sender's id")
    func eventsReachAllOthers() async throws {
        let outcome = try await Shell.run(
            """
            start h connect hub x; h=$pid
            start a connect subscribe x --as a --count 3; a=$pid
            start b connect subscribe x theme --as b --count 2; b=$pid
            start j connect subscribe x theme other --as j --json --count 3; j=$pid
            connect post x theme dark --as poster; echo $?
            connect post x other --as poster
            connect post x theme --as-json '{"a": 1}'
            ends $a; ends $b; ends $j
            cat a.out b.out j.out; grep -o '^connected [a-z]*: process' h.out | sort | uniq -c | tr -d ' '
            """)
        #expect(
            outcome.lines == [
                "0", "0", "0", "0", "theme\tdark", "other\t", "theme\t{\"a\": 1}", "dark", #"{"a": 1}"#,
                #"{"event":"event","type":"theme","from":"poster","text":"dark"}"#,
                #"{"event":"event","type":"other","from":"poster"}"#,
                #"{"event":"event","type":"theme","from":"1","json":{"a": 1}}"#,
            ] + ["a", "b", "j"].map { "1connected\($0):process" } + ["2connectedposter:process"])
    }

    @Test("A hub refuses an id that another program has, and prints who comes and goes")
    func idsAreUnique() async throws {
        let outcome = try await Shell.run(
            """
            start h connect hub x --json; h=$pid
            start a connect subscribe x --as one; a=$pid
            connect subscribe x --as one 2>err; echo $?; grep -c one err
            kill -KILL $a; until grep -q disconnected h.out; do :; done
            kill $h; ends $h; sed 's/"peer":{.*}/"peer":{…}/;s/,"detail":.*/}/' h.out
            """)
        #expect(
            outcome.lines == [
                "77", "1", "143", #"{"event":"listening","name":"x","origin":"org.connectto"}"#,
                #"{"event":"connected","id":"one","peer":{…}"#,
                #"{"event":"disconnected","id":"one","reason":"peer-exited"}"#,
            ])
    }

    @Test("connect call --peer asks a program through the hub, and says which programs the hub does not have")
    func requestsArePassedOn() async throws {
        let outcome = try await Shell.run(
            """
            start h connect hub x; h=$pid
            start n connect hub closed --no-relay
            start a connect subscribe x theme --as a --count 2; a=$pid
            start b connect subscribe closed --as b
            connect call x theme asked --peer a; echo $?
            connect post x theme told --peer a; echo $?
            ends $a; cat a.out
            connect call x theme --peer gone 2>&1; echo $?
            connect call x theme 2>err; echo $?; grep -c 'answers no requests itself' err
            connect call closed theme --peer b 2>err; echo $?; grep -c refused err
            """)
        #expect(
            outcome.lines == [
                "0", "0", "0", "asked", "told", #"connect: x: the hub has no peer with the id "gone" (unknown-peer)"#,
                "68", "70", "1", "77", "1",
            ])
    }

    @Test("connect post --peer exits with 0 only where the program has handled the event, the last of --count included")
    func eventsForOneAreAnswered() async throws {
        let outcome = try await Shell.run(
            """
            start h connect hub x
            start n connect hub closed --no-relay
            for round in 1 2 3 4 5 6 7 8; do
                start a$round connect subscribe x theme --as a --count 1; a=$pid
                connect post x theme told --peer a; echo $?
                ends $a
                until grep -q "disconnected a" h.out; do :; done; : >h.out
            done
            cat a?.out | uniq
            start b connect subscribe closed --as b
            start c connect subscribe x theme --as c
            connect post x theme lost --peer gone 2>&1; echo $?
            connect post x other lost --peer c 2>&1; echo $?
            connect post closed any lost --peer b 2>&1; echo $?
            """)
        #expect(
            outcome.lines == Array(repeating: "0", count: 16) + [
                "told", #"connect: x: the hub has no peer with the id "gone" (unknown-peer)"#, "68",
                "connect: x: there is no handler for the request other (unknown-type); check the spelling of TYPE",
                "70", "connect: closed: the hub passes nothing on from one peer to another (refused)", "77",
            ])
    }

    @Test("Where a program of a hub ends its line before it has answered, connect call --peer names that program")
    func peerEndsItsLine() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let handlers = Handlers()
        handlers.onRequest("close") { _, context in
            context.messenger?.close()
            try await Task.sleep(for: .seconds(600))
            return nil
        }
        var spokes: [Messenger] = []
        async let script = Shell.run(
            """
            start h connect hub x
            for peer in a b; do until grep -q "^connected $peer" h.out; do :; done; done
            connect call x close --peer a 2>&1; echo $?
            connect post x close --peer b 2>&1; echo $?
            """)
        for id in ["a", "b"] {
            let options = ConnectOptions(wait: .untilAvailable(for: .seconds(30)), metadata: ["as": id])
            spokes.append(try await bus.messenger(to: "x", options: options, handlers: handlers))
        }
        func line(_ id: String) -> String {
            "connect: x: the peer \"\(id)\" ended its line before it answered close, and may have done what was asked; "
                + "look at that program"
        }
        #expect(try await script.lines == [line("a"), "74", line("b"), "74"])
    }

    @Test("connect hub gives two programs a line of their own, and connect hub --no-introductions refuses it")
    func introductions() async throws {
        try await withHubs("start o connect hub open; start n connect hub closed --no-introductions") { bus in
            for (name, outcome) in [("open", "neighbour"), ("closed", "refused")] {
                let handlers = Handlers()
                handlers.onRequest("who") { _, call in .text(call.peerID ?? "nobody") }
                let kept = Kept()
                handlers.onIntroduction { _, messenger in await kept.keep(messenger) }
                let a = try await bus.spoke("neighbour", of: name, handlers)
                let b = try await bus.spoke("other", of: name, handlers)
                do throws(CallError) {
                    let own = try await a.introduce(to: "other")
                    #expect(outcome == "neighbour")
                    #expect(try await own.request("who").text == outcome)
                } catch {
                    #expect(error.code.rawValue == outcome)
                    #expect(error.message == "the hub introduces no peer to another")
                }
                b.close()
            }
        }
    }

    @Test("connect subscribe --count prints no event more, however many come at once")
    func countIsExact() async throws {
        let lines = try await withHubs(
            "start h connect hub x; start s connect subscribe x theme --count 3; s=$pid", then: "ends $s; cat s.out"
        ) { bus in
            let poster = try await bus.spoke("poster", of: "x", Handlers())
            for number in 0..<100 { try poster.post("theme", .text("\(number)")) }
            try await poster.barrier()
        }
        #expect(lines == ["0", "0", "1", "2"])
    }

    @Test("A program that posts an event to connect hub does not get it back")
    func sendersHearNothingOfTheirOwn() async throws {
        try await withHubs("start h connect hub x") { bus in
            let (heard, sink) = AsyncStream<String>.makeStream()
            var spokes: [Messenger] = []
            for id in ["a", "b"] {
                let handlers = Handlers()
                handlers.onUnknownEvent { _, event in sink.yield("\(id) hears \(event.type)") }
                spokes.append(try await bus.spoke(id, of: "x", handlers))
            }
            var lines = heard.makeAsyncIterator()
            try spokes[0].post("first")
            #expect(await lines.next() == "b hears first")
            try spokes[1].post("second")
            #expect(await lines.next() == "a hears second")
        }
    }
}

/// Runs hubs while the test talks to them.
///
/// - Returns: what the script prints at its end.
@discardableResult
private func withHubs(
    _ starts: String, then end: String = "", _ body: (Bus) async throws -> Void
) async throws -> [String] {
    let bus = try await Bus.at(PrivateBus.current.address)
    let context = try await bus.register("test")
    async let script = Shell.run(starts + "\nconnect to test 'the hubs are there' || echo $?\n" + end)
    var callers = context.connectEvents.makeAsyncIterator()
    let caller = try #require(try await callers.next())
    _ = try await caller.source.nextMessage()
    try await body(bus)
    caller.source.close()
    return try await script.lines
}

extension Bus {
    fileprivate func spoke(_ id: String, of hub: String, _ handlers: Handlers) async throws -> Messenger {
        try await messenger(to: hub, options: ConnectOptions(metadata: ["as": id]), handlers: handlers)
    }
}

/// The line to a neighbour, which ends with its last reference.
private actor Kept {
    private var messenger: Messenger?

    func keep(_ messenger: Messenger) { self.messenger = messenger }
}
