import CConnectToLinux
import ConnectToLinux
import SystemPackage
import Testing

@Suite("An idle reactor", .timeLimit(.minutes(1)))
struct ReactorIdleTests {
    @Test("An idle reactor with watches and a distant timer does not wake")
    func idleReactorDoesNotWake() async throws {
        let clock = try Reactor.shared.get()
        let reactor = try Reactor(name: "idle")
        let (near, far) = try StreamSocket.pair()
        let source = try reactor.watch(near.descriptor.rawValue, for: [.read, .peerHangup]) { _ in }
        let timer = reactor.schedule(after: .seconds(3600)) {}
        for _ in 0..<10 { reactor.schedule(after: .milliseconds(100)) {}.cancel() }
        let thread = await reactor.run { clinux_gettid() }
        #expect(try await sleeps(thread, for: .milliseconds(500), by: clock))
        // Work still wakes it at once.
        #expect(await reactor.run { true })
        source.cancel()
        timer.cancel()
        withExtendedLifetime((near, far)) {}
    }

    @Test("A reactor with a spin time polls that long after an event, and then sleeps")
    func spinsAndThenSleeps() async throws {
        let clock = try Reactor.shared.get()
        let reactor = try Reactor(name: "spinning")
        #expect(reactor.spinTime == .zero)
        reactor.spinTime = .seconds(1)
        #expect(reactor.spinTime == .milliseconds(10))
        let thread = await reactor.run { clinux_gettid() }
        // On a busy machine this process may get no processor for longer than the spin time: try again.
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

    /// Whether a thread sleeps without waking for a time. Waits first until the thread has left its processor: the
    /// kernel shows it as sleeping a moment before that, and counts the context switch only then.
    private func sleeps(_ thread: Int32, for time: Duration, by clock: Reactor) async throws -> Bool {
        while try text("syscall", of: thread).hasPrefix("running") {
            await clock.wait(for: .milliseconds(1))
        }
        let before = try contextSwitches(of: thread)
        await clock.wait(for: time)
        return try contextSwitches(of: thread) == before
    }

    /// How many times a thread of this process has given up its processor, or lost it.
    private func contextSwitches(of thread: Int32) throws -> Int {
        let counts = try ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"].map { name in
            try #require(Int(try status(of: thread, name)))
        }
        return counts[0] + counts[1]
    }

    /// How many times the thread has gone to sleep.
    private func sleeps(of thread: Int32) throws -> Int {
        try #require(Int(try status(of: thread, "voluntary_ctxt_switches")))
    }

    /// The value of a field in `/proc/self/task/TID/status`.
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
