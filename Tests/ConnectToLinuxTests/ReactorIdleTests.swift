import CConnectToLinux
import ConnectToLinux
import SystemPackage
import Testing

@Suite("An idle reactor", .timeLimit(.minutes(1)))
struct ReactorIdleTests {
    @Test("does not wake, with watches and a timer that is far away")
    func doesNotWake() async throws {
        let clock = try Reactor.shared.get()
        let reactor = try Reactor(name: "idle")
        let (near, far) = try StreamSocket.pair()
        let source = try reactor.watch(near.descriptor.rawValue, for: [.read, .peerHangup]) { _ in }
        let timer = reactor.schedule(after: .seconds(3600)) {}
        for _ in 0..<10 { reactor.schedule(after: .milliseconds(100)) {}.cancel() }
        let thread = await reactor.run { clinux_gettid() }
        #expect(try await sleeps(thread, for: .milliseconds(500), by: clock))
        // And yet it is awake at once.
        #expect(await reactor.run { true })
        source.cancel()
        timer.cancel()
        withExtendedLifetime((near, far)) {}
    }

    @Test("that spins goes to sleep when its time is over, and is awake for that long after an event")
    func spins() async throws {
        let clock = try Reactor.shared.get()
        let reactor = try Reactor(name: "spinning")
        #expect(reactor.spinTime == .zero)
        reactor.spinTime = .seconds(1)
        #expect(reactor.spinTime == .milliseconds(10))
        let thread = await reactor.run { clinux_gettid() }
        // On a machine that is busy this process may be kept waiting for longer than the loop is awake.
        while true {
            let before = try sleeps(of: thread)
            for _ in 0..<20 { await reactor.run {} }
            if try sleeps(of: thread) == before { break }
        }
        #expect(try await sleeps(thread, for: .milliseconds(100), by: clock))
        #expect(await reactor.run { true })
        reactor.spinTime = .seconds(-1)
        #expect(reactor.spinTime == .zero)
    }

    /// Whether a thread that is on its way to sleep does not wake for so long, once it is there: the kernel calls it
    /// sleeping a moment before it has left its processor, and counts that then.
    private func sleeps(_ thread: Int32, for time: Duration, by clock: Reactor) async throws -> Bool {
        while try text("syscall", of: thread).hasPrefix("running") {
            await clock.wait(for: .milliseconds(1))
        }
        let before = try contextSwitches(of: thread)
        await clock.wait(for: time)
        return try contextSwitches(of: thread) == before
    }

    /// How often a thread of this process has given up its processor, or lost it.
    private func contextSwitches(of thread: Int32) throws -> Int {
        let counts = try ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"].map { name in
            try #require(Int(try status(of: thread, name)))
        }
        return counts[0] + counts[1]
    }

    /// How often it had nothing to do.
    private func sleeps(of thread: Int32) throws -> Int {
        try #require(Int(try status(of: thread, "voluntary_ctxt_switches")))
    }

    /// What the kernel says of a thread of this process under a name.
    private func status(of thread: Int32, _ name: String) throws -> String {
        let lines = try text("status", of: thread).split(separator: "\n")
        let line = try #require(lines.first { $0.hasPrefix("\(name):") })
        return line.dropFirst(name.count + 1).filter { !$0.isWhitespace }
    }

    private func text(_ file: String, of thread: Int32) throws -> String {
        let path = FilePath("/proc/self/task/\(thread)/\(file)")
        let descriptor = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
        return try descriptor.closeAfter {
            try String(unsafeUninitializedCapacity: 8192) {
                try descriptor.read(into: UnsafeMutableRawBufferPointer($0))
            }
        }
    }
}
