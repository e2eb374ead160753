import Testing

@testable import ConnectToState

@Suite("Replicas that meet")
struct GreetingTests {
    private var network = Network(
        Document(replica: ReplicaID(1)), Document(replica: ReplicaID(2)), Document(replica: ReplicaID(3)))

    private var kinds: [String] {
        network.delivered.map { String("\($0.message)".prefix { $0 != "(" }) }
    }

    @Test("Replicas that know the same say hello to each other and nothing else")
    mutating func same() throws {
        for number in 0..<1000 { try network.set(0, StatePath(["\(number)"]), .integer(Int64(number))) }
        try network.connect(0, 1)
        network.cut(0, 1)
        network.forgetDelivered()
        try network.connect(0, 1)
        #expect(Set(kinds) == ["hello"])
        #expect(network.delivered.reduce(0) { $0 + $1.bytes } < 128)
        try network.set(1, "a", "live in both directions")
        try network.set(0, "b", "live in both directions")
        try network.run()
        #expect(network[0].text == network[1].text)
    }

    @Test("Replicas that differ tell each other what they know, and get what they lack")
    mutating func different() throws {
        try network.set(0, "a", 1)
        try network.set(1, "b", 2)
        try network.connect(0, 1)
        #expect(network[0].value(at: "") == ["a": 1, "b": 2])
        #expect(network[0].text == network[1].text)
        #expect(kinds.filter { $0 == "vector" }.count == 2)
        #expect(kinds.filter { $0 == "delta" }.count == 2)
    }

    @Test("A replica whose partner began before it listened still gets everything that it lacks")
    mutating func late() throws {
        try network.set(0, "a", 1)
        network.open(0, 1)
        network.lose()
        network.open(1, 0)
        try network.run()
        #expect(network[1].value(at: "a") == 1)
        try network.set(0, "a", 2)
        try network.set(1, "b", 3)
        try network.run()
        #expect(network[0].text == network[1].text)
    }

    @Test("A replica that was started anew on the other side of a line gets everything there")
    mutating func again() throws {
        try network.set(0, "a", 1)
        try network.connect(0, 1)
        // Replica 2 comes on the line of replica 1.
        var newcomer = Replication(Document(replica: ReplicaID(9)))
        var side = network.replicas[0]
        var toOld = newcomer.open(0).messages.map(\.message)
        while !toOld.isEmpty {
            let answers = try side.receive(toOld.removeFirst(), from: 1).messages.map(\.message)
            for answer in answers { toOld += try newcomer.receive(answer, from: 0).messages.map(\.message) }
        }
        #expect(newcomer.document.value(at: "a") == 1)
    }

    @Test("A replica that meets another one with its own id says so before anything is exchanged")
    mutating func sameReplica() throws {
        var network = Network(Document(replica: ReplicaID(1)), Document(replica: ReplicaID(1)))
        #expect(throws: StateViolation.sameReplica) { try network.connect(0, 1) }
        #expect(network.delivered.count == 1)
    }

    @Test("An audit of replicas that agree says so, and sends two messages of 18 bytes")
    mutating func auditSame() throws {
        try network.set(0, "a", 1)
        try network.connect(0, 1)
        network.forgetDelivered()
        try network.audit(0, 1)
        #expect(network.audits.allSatisfy { $0 == .same } && network.audits.count == 2)
        #expect(network.delivered.map(\.bytes) == [18, 18])
    }

    @Test("An audit finds a replica that has lost operations, and brings it what it lacks")
    mutating func auditLost() throws {
        try network.connect(0, 1)
        try network.set(0, "a", 1)
        network.lose()
        try network.audit(0, 1)
        #expect(network.audits == [.differentOperations])
        #expect(network[1].value(at: "a") == 1)
        try network.audit(0, 1)
        #expect(network.audits.dropFirst().allSatisfy { $0 == .same })
    }

    @Test("An audit during which something is written says that it cannot tell")
    mutating func auditBusy() throws {
        try network.connect(0, 1)
        var asker = network.replicas[0]
        var asked = network.replicas[1]
        let question = asker.audit(1).messages[0].message
        _ = try asker.write([("a", 1)], now: 0)
        let answer = try asked.receive(question, from: 0).messages[0].message
        #expect(try asker.receive(answer, from: 1).audit == .busy)
    }

    @Test("An audit finds replicas that know the same operations and hold other values, and they agree afterwards")
    mutating func auditDifferentValues() throws {
        // Two replicas with one id, of which a third one hears the first and a fourth one the second.
        var network = Network(Document(replica: ReplicaID(3)), Document(replica: ReplicaID(4)))
        for (name, value) in [(0, "one"), (1, "other")] as [(Int, StateValue)] {
            var twin = Document(replica: ReplicaID(1))
            var listener = network.replicas[name].document
            _ = try listener.apply(
                try twin.write([("a", value), (StatePath([value == "one" ? "x" : "y"]), 1)], now: 0).operations)
            network.replace(name, by: listener)
        }
        #expect(network[0].vector == network[1].vector)
        try network.connect(0, 1)
        #expect(network[0].text != network[1].text)
        try network.audit(0, 1)
        #expect(network.audits.allSatisfy { $0 == .differentValues } && !network.audits.isEmpty)
        #expect(network[0].text == network[1].text)
        #expect(network[0].value(at: "a") != nil)
    }

    @Test("The numbers that a document keeps of itself are those of a walk through it")
    mutating func totals() throws {
        var random = RandomDocuments(seed: 5)
        try network.connect(0, 1)
        for _ in 0..<200 {
            let name = Int.random(in: 0...1, using: &random.generator)
            try network.set(name, random.path(), Bool.random(using: &random.generator) ? nil : random.value())
            if Int.random(in: 0..<20, using: &random.generator) == 0 { try network.connect(0, 2) }
            if Bool.random(using: &random.generator) { try network.run() }
            if Int.random(in: 0..<20, using: &random.generator) == 0 {
                network.cut(0, 1)
                try network.set(1, random.path(), random.value())
                try network.connect(0, 1)
            }
        }
        try network.run()
        for name in 0...2 { #expect(network[name].totals == network[name].countedTotals) }
        #expect(network[0].totals == network[1].totals)
    }
}
