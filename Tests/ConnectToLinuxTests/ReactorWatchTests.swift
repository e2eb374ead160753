import ConnectToLinux
import Glibc
import SystemPackage
import Testing

@Suite("Watching descriptors", .timeLimit(.minutes(1)))
struct ReactorWatchTests {
    /// Turned by hand: what is not there after `runReady()` will not come by itself.
    let reactor: Reactor
    let near: StreamSocket
    let far: StreamSocket
    let record = Record<Readiness>()

    init() throws {
        reactor = try Reactor(drivenBy: .foreignLoop)
        (near, far) = try StreamSocket.pair()
    }

    private func watch(_ readiness: Readiness) throws -> Reactor.Source {
        try reactor.watch(near.descriptor.rawValue, for: readiness) { [record] in record($0) }
    }

    @Test("tells of what it was asked for, as long as it holds")
    func level() throws {
        let source = try watch(.read)
        reactor.runReady()
        #expect(record.entries == [])
        try far.send("x")
        reactor.runReady()
        reactor.runReady()
        #expect(record.entries == [.read, .read])
        _ = try near.receiveOnce()
        reactor.runReady()
        #expect(record.entries == [.read, .read])
        source.cancel()
    }

    @Test("tells of an edge once for each change")
    func edge() throws {
        let source = try watch([.read, .edge])
        try far.send("x")
        reactor.runReady()
        reactor.runReady()
        #expect(record.entries == [.read])
        try far.send("x")
        reactor.runReady()
        #expect(record.entries == [.read, .read])
        source.cancel()
    }

    @Test("can be changed, and an edge that holds is told again then")
    func change() throws {
        let source = try watch([.write, .edge])
        reactor.runReady()
        #expect(record.entries == [.write])
        try far.send("x")
        source.change(to: [.read, .edge])
        reactor.runReady()
        #expect(record.entries == [.write, .read])
        source.change(to: [.read, .edge])
        reactor.runReady()
        #expect(record.entries == [.write, .read, .read])
        source.cancel()
    }

    @Test("tells of a peer that writes no more, and of one that is gone")
    func hangups() throws {
        let source = try watch([.read, .peerHangup])
        try systemCall("shutdown") { shutdown(far.descriptor.rawValue, Int32(SHUT_WR)) }
        reactor.runReady()
        #expect(record.entries == [[.read, .peerHangup]])
        far.shutdown()
        reactor.runReady()
        #expect(record.entries.last == [.read, .peerHangup, .hangup])
        source.cancel()
    }

    @Test("tells of hang-ups unasked")
    func unasked() throws {
        let source = try watch([])
        far.shutdown()
        reactor.runReady()
        #expect(record.entries == [.hangup])
        source.cancel()
    }

    @Test("tells nothing once cancelled, from within its own handler too")
    func cancelled() throws {
        let source = try watch(.read)
        try far.send("x")
        source.cancel()
        source.change(to: .write)
        reactor.runReady()
        #expect(record.entries == [])
    }

    @Test("tells nothing once cancelled by the handler of another event of the same turn")
    func cancelledInTheSameTurn() throws {
        let sources = Record<Int>()
        let watched = Sources()
        let pairs = try (0..<2).map { _ in try StreamSocket.pair() }
        for (number, pair) in pairs.enumerated() {
            watched.add(
                try reactor.watch(pair.0.descriptor.rawValue, for: .read) { _ in
                    sources(number)
                    watched.cancelAll()
                })
        }
        for pair in pairs { try pair.1.send("x") }
        reactor.runReady()
        reactor.runReady()
        #expect(sources.entries.count == 1)
    }

    @Test("can be ended twice without ending the next watch of the same number")
    func cancelledTwice() throws {
        let first = try watch(.read)
        first.cancel()
        let second = try watch(.read)
        first.cancel()
        first.change(to: .write)
        try far.send("x")
        reactor.runReady()
        #expect(record.entries == [.read])
        second.cancel()
    }

    @Test("lets its handler go when cancelled")
    func handlerIsLetGo() throws {
        weak var owned: Record<Int>?
        let source = try {
            let record = Record<Int>()
            owned = record
            return try reactor.watch(near.descriptor.rawValue, for: .read) { _ in record(1) }
        }()
        #expect(owned != nil)
        source.cancel()
        #expect(owned == nil)
    }

    @Test("refuses what is always ready, what is closed, and what is watched already")
    func refusals() throws {
        let file = Descriptor(adopting: open("/proc/self/exe", O_RDONLY | O_CLOEXEC))
        #expect(throws: SystemError(operation: "epoll_ctl", errno: .notPermitted)) {
            try reactor.watch(file.rawValue, for: .read) { _ in }
        }
        #expect(throws: SystemError(operation: "epoll_ctl", errno: .badFileDescriptor)) {
            try reactor.watch(-1, for: .read) { _ in }
        }
        let source = try watch(.read)
        #expect(throws: SystemError(operation: "epoll_ctl", errno: .fileExists)) { try watch(.read) }
        source.cancel()
    }

    @Test("serves more descriptors than one look at the kernel tells of")
    func many() throws {
        let pairs = try (0..<200).map { _ in try StreamSocket.pair() }
        let seen = Record<Int>()
        let sources = try pairs.enumerated().map { number, pair in
            try reactor.watch(pair.0.descriptor.rawValue, for: [.read, .edge]) { _ in seen(number) }
        }
        for pair in pairs { try pair.1.send("x") }
        while try isReadable(reactor.pollableDescriptor) { reactor.runReady() }
        #expect(Set(seen.entries) == Set(0..<200))
        #expect(seen.entries.count == 200)
        for source in sources { source.cancel() }
    }
}

/// Sources that their own handlers cancel.
private final class Sources: Sendable {
    private let state = Lock<[Reactor.Source]>([])

    func add(_ source: Reactor.Source) {
        state.withLock { $0.append(source) }
    }

    func cancelAll() {
        for source in state.withLock({ $0 }) { source.cancel() }
    }
}
