import ConnectToLinux
import Glibc
import SystemPackage
import Testing

@Suite("Watching descriptors", .timeLimit(.minutes(1)))
struct ReactorWatchTests {
    /// Driven by the test: an event that is not there after `runReady()` does not arrive later.
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

    @Test("A level-triggered watch reports its readiness in every turn while it holds")
    func levelTriggeredWatch() throws {
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

    @Test("An edge-triggered watch reports each change once")
    func edgeTriggeredWatch() throws {
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

    @Test("Changing a watch reports an edge again that already holds")
    func changedWatchReportsEdgeAgain() throws {
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

    @Test("A watch reports a peer that writes no more, and one that has gone")
    func reportsPeerHangups() throws {
        let source = try watch([.read, .peerHangup])
        try systemCall("shutdown") { shutdown(far.descriptor.rawValue, Int32(SHUT_WR)) }
        reactor.runReady()
        #expect(record.entries == [[.read, .peerHangup]])
        far.shutdown()
        reactor.runReady()
        #expect(record.entries.last == [.read, .peerHangup, .hangup])
        source.cancel()
    }

    @Test("A watch reports a hang-up that it was not asked for")
    func reportsHangupUnasked() throws {
        let source = try watch([])
        far.shutdown()
        reactor.runReady()
        #expect(record.entries == [.hangup])
        source.cancel()
    }

    @Test("A cancelled watch reports nothing")
    func cancelledWatchReportsNothing() throws {
        let source = try watch(.read)
        try far.send("x")
        source.cancel()
        source.change(to: .write)
        reactor.runReady()
        #expect(record.entries == [])
    }

    @Test("A watch reports nothing once another handler of the same turn has cancelled it")
    func cancelledInSameTurn() throws {
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

    @Test("Cancelling a watch twice does not cancel the next watch of the same descriptor number")
    func cancelledTwiceLeavesNextWatch() throws {
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

    @Test("Cancelling a watch releases its handler")
    func cancelReleasesHandler() throws {
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

    @Test("Watching fails for a regular file, a closed descriptor, and one that is watched already")
    func refusedDescriptors() throws {
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

    @Test("A reactor serves more ready descriptors than one poll returns")
    func moreDescriptorsThanOnePoll() throws {
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
