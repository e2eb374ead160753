import ConnectTo
import ConnectToMessaging
import ConnectToTesting
import Testing

@Suite("connect tap of a listener of calls", .privateBus, .timeLimit(.minutes(1))) struct TapCallsTests {
    private struct Query: Codable, Sendable {
        var verbose: Bool
    }

    private static let status = Request<Query, String>("status")
    private static let parts = StreamRequest<NoPayload, [UInt8]>("parts")
    private static let news = Event<String>("news")

    /// Makes a call of each kind to a listener of this process while `connect tap` watches it, in both of its forms.
    private func tapCalls() async throws -> [String] {
        let address = try PrivateBus.current.address
        let (there, here) = (try await Bus.at(address), try await Bus.at(address))
        let context = try await there.register("x", options: .init(format: .calls, isTappable: true))
        let taps = try await there.register("taps")
        async let tapped = Shell.run(
            """
            start t connect tap x; tap=$pid
            start j connect tap x --json
            connect to taps "are ready"
            until grep -q "> result 4" t.out && grep -q '"result","id":4' j.out; do :; done
            kill $tap $pid
            cat t.out j.out
            """)
        for try await _ in taps.connectEvents { break }
        async let caller = here.messenger(to: "x")
        var events = context.connectEvents.makeAsyncIterator()
        let event = try #require(try await events.next())
        let callee = Messenger(event.source, peer: event.peer)
        callee.on(Self.status) { query, _ in
            if query.verbose { throw CallFailure(.handlerFailed, "no\ndisk", details: .json("{\"free\":0}")) }
            return "all well"
        }
        callee.on(Self.parts) { _, answers, _ in try await answers.yield([0x41, 0xFF]) }
        let messenger = try await caller
        #expect(try await messenger.request(Self.status, Query(verbose: false), within: nil) == "all well")
        _ = try? await messenger.request(Self.status, Query(verbose: true), within: nil)
        for try await _ in try messenger.stream("parts") {}
        try messenger.post(Self.news, "größer", to: "editor")
        try await messenger.barrier(within: nil)
        return try await tapped.lines
    }

    @Test("connect tap shows calls in words with their payloads, and with --json in members")
    func showsCallsInWords() async throws {
        let lines = try await tapCalls()
        let hello = "hello, version 1, 64 places, window 16777216"
        #expect(
            lines.filter { !$0.hasPrefix("{") && $0.hasPrefix("1 <") } == [
                "1 < \(hello)",
                #"1 < request 1 status, json: {"verbose":false}"#,
                #"1 < request 2 status, json: {"verbose":true}"#,
                "1 < stream 3 parts",
                "1 < event @editor/news, text: größer",
                "1 < barrier 4",
            ])
        #expect(
            lines.filter { !$0.hasPrefix("{") && $0.hasPrefix("1 >") } == [
                "1 > \(hello)",
                "1 > result 1, text: all well",
                #"1 > failure 2 handler-failed "no\ndisk", json: {"free":0}"#,
                "1 > element 3, bytes: A\u{FFFD}",
                "1 > result 3",
                "1 > result 4",
            ])
        func object(_ direction: String, _ call: String, _ payload: String = "", length: Int) -> String {
            #"{"event":"message","port":1,"direction":"\#(direction)","call":{\#(call)},\#(payload)"#
                + #""length":\#(length),"transferred":0,"missed":0}"#
        }
        #expect(
            lines.filter { $0.hasPrefix("{") && $0.contains(#""received""#) } == [
                object("received", #""operation":"hello","places":64,"window":16777216"#, length: 16),
                object(
                    "received", #""operation":"request","id":1,"type":"status""#, #""json":{"verbose":false},"#,
                    length: 39),
                object(
                    "received", #""operation":"request","id":2,"type":"status""#, #""json":{"verbose":true},"#,
                    length: 38),
                object("received", #""operation":"stream","id":3,"type":"parts""#, length: 21),
                object(
                    "received", #""operation":"event","type":"news","peer":"editor""#, #""text":"größer","#,
                    length: 36),
                object("received", #""operation":"barrier","id":4"#, length: 16),
            ])
        #expect(
            lines.filter { $0.hasPrefix("{") && $0.contains(#""sent""#) } == [
                object("sent", #""operation":"hello","places":64,"window":16777216"#, length: 16),
                object("sent", #""operation":"result","id":1"#, #""text":"all well","#, length: 24),
                object(
                    "sent",
                    #""operation":"failure","id":2,"code":"handler-failed","message":"no\ndisk""#,
                    #""json":{"free":0},"#, length: 47),
                object("sent", #""operation":"element","id":3"#, #""base64":"Qf8=","#, length: 18),
                object("sent", #""operation":"result","id":3"#, length: 16),
                object("sent", #""operation":"result","id":4"#, length: 16),
            ])
    }
}
