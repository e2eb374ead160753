import Testing

@testable import ConnectTo

@Suite("The limits of callers")
struct CallersTests {
    private let start = SuspendingClock.now

    private func callers(ports: Int = 100, rate: Int = 1_000_000) -> Callers {
        var limits = CallerLimits()
        limits.openPorts = ports
        limits.introductionsPerSecond = rate
        return Callers(limits)
    }

    private func enter(
        _ callers: Callers, _ uid: UInt32, _ name: String, descriptors: Int = 10_000, after: Duration = .zero
    ) -> Result<Callers.Lease, Callers.Refusal> {
        Result { () throws(Callers.Refusal) in
            try callers.enter(uid, .connection(name), descriptors: descriptors, now: start + after)
        }
    }

    @Test("Callers' ports are counted by user, three quarters for one process, and come back when they are released")
    func portsAreCountedByUserAndProcess() throws {
        let callers = callers()
        var places = (0..<75).map { _ in enter(callers, 1, ":1.1") }
        #expect(places.allSatisfy { (try? $0.get()) != nil })
        #expect(throws: Callers.Refusal.tooManyPorts) { try enter(callers, 1, ":1.1").get() }
        // The rest is for others of that user, however many those are.
        places += (0..<25).map { enter(callers, 1, ":1.\($0 + 2)") }
        #expect(callers.ports(of: 1) == 100)
        #expect(throws: Callers.Refusal.tooManyPorts) { try enter(callers, 1, ":1.99").get() }
        #expect((try? enter(callers, 2, ":1.100").get()) != nil)
        places.removeFirst()
        #expect((try? enter(callers, 1, ":1.1").get()) != nil)
        places = []
        #expect(callers.ports(of: 1) == 0)
    }

    @Test("The bytes held for callers, metadata too, are bounded for one process, for its user, and for all users")
    func heldBytesAreBounded() throws {
        var limits = CallerLimits()
        limits.heldBytes = 900
        let callers = Callers(limits)
        func enter(_ uid: UInt32, _ name: String, _ size: Int) throws -> Callers.Lease {
            try callers.enter(uid, .connection(name), size: size, descriptors: 10_000, now: start)
        }
        var places = try (0..<3).map { _ in try enter(1, ":1.1", 100) }
        #expect(throws: Callers.Refusal.tooMuchHeld) { try enter(1, ":1.1", 100) }
        // Other processes of that user have the rest, and then the user has no more.
        places += try [enter(1, ":1.2", 300), enter(1, ":1.3", 300)]
        #expect(throws: Callers.Refusal.tooMuchHeld) { try enter(1, ":1.4", 100) }
        places += try [enter(2, ":1.5", 900)]
        #expect(throws: Callers.Refusal.tooMuchHeld) { try enter(3, ":1.6", 1) }
        places = []
        _ = try enter(1, ":1.1", 100)
    }

    @Test("Callers of one user leave a quarter of the descriptors, whatever the limit says")
    func callersLeaveAQuarterOfDescriptors() {
        let callers = callers(ports: 4_096)
        let places = (0..<1_000).map { enter(callers, 1, ":1.\($0)", descriptors: 960) }
        #expect(places.count { (try? $0.get()) != nil } == 720)
    }

    @Test(
        "Callers' introductions are counted by user and process: five seconds' worth at once, then so many a second"
    )
    func introductionsAreCountedByUserAndProcess() {
        let callers = callers(rate: 100)
        func admitted(_ name: String, after: Duration) -> Int {
            (0..<1_000).count { _ in (try? enter(callers, 1, name, after: after).get()) != nil }
        }
        #expect(admitted(":1.1", after: .zero) == 375)
        #expect(admitted(":1.2", after: .zero) == 125)
        #expect(admitted(":1.3", after: .zero) == 0)
        #expect((try? enter(callers, 2, ":1.4").get()) != nil)
        #expect(admitted(":1.1", after: .seconds(1)) == 75)
        #expect(admitted(":1.3", after: .seconds(1)) == 25)
        #expect(admitted(":1.3", after: .seconds(3600)) == 375)
    }

    @Test("Limits of callers below their least count as the least, and each caller is answered")
    func limitsOfCallersHaveALeast() {
        var limits = CallerLimits()
        limits.openPorts = -1
        limits.introductionsPerSecond = 0
        limits.heldBytes = -1
        #expect(limits.openPorts == 0)
        #expect(limits.introductionsPerSecond == 1)
        #expect(limits.heldBytes == 1)

        let callers = callers(rate: 0)
        #expect((0..<10).count { _ in (try? enter(callers, 1, ":1.1").get()) != nil } == 5)
        #expect(callers.recovery(1, .connection(":1.1"), now: start) == start + .seconds(1))
        #expect((try? enter(callers, 1, ":1.1", after: .seconds(1)).get()) != nil)
    }

    @Test("Callers' processes that come and go leave nothing behind, and gain their user nothing")
    func shortLivedProcessesGainNothing() {
        let callers = callers(rate: 100)
        let admitted = (0..<20_000).count { (try? enter(callers, 1, ":1.\($0)").get()) != nil }
        #expect(admitted == 500)
    }
}
