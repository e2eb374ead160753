import ConnectTo
import ConnectToMessaging
import Synchronization
import Testing

@Suite("Gathering from the peers of a hub", .timeLimit(.minutes(1)))
struct GatherTests {
    private static let length = Request<String, Int>("length")

    @Test("Every peer gives one result: its answer or its error")
    func results() async throws {
        let ids = (0..<100).map { "spoke \($0)" }
        let (hub, spokes) = try makeHub(spokes: ids)
        for (id, spoke) in spokes {
            if id == "spoke 7" { continue }
            if id == "spoke 8" {
                spoke.onRequest("length") { _, _ in .text("many") }
            } else {
                spoke.on(Self.length) { text, _ in text.count + id.count }
            }
        }
        var results: [String: Result<Int, CallError>] = [:]
        for await (peer, result) in try hub.gather(Self.length, "word", except: "spoke 9") {
            #expect(results.updateValue(result, forKey: peer.id) == nil)
        }
        #expect(results.count == 99)
        #expect(results["spoke 9"] == nil)
        for (id, result) in results {
            switch (id, result) {
            case ("spoke 7", .failure(let error)): #expect(error.code == .unknownType)
            case ("spoke 8", .failure(let error)): #expect(error.code == .invalidPayload)
            case (_, .success(let length)): #expect(length == 4 + id.count)
            default: Issue.record("\(id): \(result)")
            }
        }
    }

    @Test("Answers come as they are given, and a peer that goes and one that is late delay no other")
    func asTheyCome() async throws {
        let (hub, spokes) = try makeHub(spokes: ["quick", "gone", "late"])
        let started = Gate()
        spokes["quick"]?.on(Self.length) { text, _ in text.count }
        spokes["gone"]?.on(Self.length) { _, context in
            context.messenger?.close()
            return 0
        }
        spokes["late"]?.on(Self.length) { _, _ in
            await started.open()
            try await Task.sleep(for: .seconds(100))
            return 0
        }
        var ends: [String: CallError.Code?] = [:]
        var last = ""
        for await (peer, result) in try hub.gather(Self.length, "word", within: .milliseconds(500)) {
            if case .failure(let error) = result { ends[peer.id] = error.code } else { ends[peer.id] = .some(nil) }
            last = peer.id
        }
        #expect(ends == ["quick": nil, "gone": .lineEnded, "late": .timedOut])
        #expect(last == "late")
    }

    @Test("Leaving the loop cancels the handlers of the peers that have not answered")
    func leaving() async throws {
        let (hub, spokes) = try makeHub(spokes: ["quick", "slow"])
        let (started, cancelled) = (Gate(), Gate())
        spokes["quick"]?.on(Self.length) { text, _ in
            await started.wait()
            return text.count
        }
        spokes["slow"]?.on(Self.length) { _, _ in
            await started.open()
            try? await Task.sleep(for: .seconds(100))
            if Task.isCancelled { await cancelled.open() }
            return 0
        }
        for await (peer, _) in try hub.gather(Self.length, "word", within: nil) {
            #expect(peer.id == "quick")
            break
        }
        await cancelled.wait()
    }

    @Test("The cancellation of the task gives every peer that has not answered a result that says so")
    func cancelling() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a", "b"])
        let started = Gate()
        for spoke in spokes.values {
            spoke.on(Self.length) { _, _ in
                await started.open()
                try await Task.sleep(for: .seconds(100))
                return 0
            }
        }
        let task = Task {
            var codes: [CallError.Code] = []
            for await (_, result) in try hub.gather(Self.length, "word", within: nil) {
                if case .failure(let error) = result { codes.append(error.code) }
            }
            return codes
        }
        await started.wait()
        task.cancel()
        #expect(try await task.value == [.cancelled, .cancelled])
    }

    @Test("An event is told to all peers, and acknowledged by each when its handlers have returned")
    func acknowledged() async throws {
        let (hub, spokes) = try makeHub(spokes: ["a", "b", "unheeding"])
        let heard = Mutex(0)
        for id in ["a", "b"] {
            spokes[id]?.on(Sample.news) { _, _ in
                await Task.yield()
                heard.withLock { $0 += 1 }
            }
        }
        var codes: [String: CallError.Code?] = [:]
        for await (peer, result) in try hub.gather(Sample.news, "it rains") {
            if case .failure(let error) = result { codes[peer.id] = error.code } else { codes[peer.id] = .some(nil) }
        }
        #expect(codes == ["a": nil, "b": nil, "unheeding": .unknownType])
        #expect(heard.withLock(\.self) == 2)
    }

    @Test("Gathering from a hub without peers ends at once")
    func nobody() async throws {
        var answers = try Hub().gather(Self.length, "word").makeAsyncIterator()
        #expect(await answers.next() == nil)
    }
}
