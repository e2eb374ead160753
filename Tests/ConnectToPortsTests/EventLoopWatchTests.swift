import ConnectToPorts
import Glibc
import Synchronization
import Testing

@Suite("Watching a descriptor on an event loop", .timeLimit(.minutes(1)))
struct EventLoopWatchTests {
    /// Turned by the test: a report that has not come after `runReady()` does not come later.
    private let loop: EventLoop
    private let pipe: Pipe
    private let reports = Reports()

    init() throws {
        loop = try EventLoop.makeDrivenByForeignLoop()
        pipe = try Pipe()
    }

    private func watch(
        _ descriptor: Int32, for readiness: EventLoop.Readiness, edgeTriggered: Bool = false
    ) throws -> EventLoop.Watch {
        try loop.watch(descriptor, for: readiness, edgeTriggered: edgeTriggered) { [reports] in reports.add($0) }
    }

    @Test("A watch reports in every turn while the descriptor is ready, and stops when the bytes have been read")
    func levelTriggeredWatch() throws {
        // Bits that mean other things to epoll (EPOLLONESHOT, EPOLLET) have no effect.
        let watch = try watch(pipe.reading, for: [.read, .init(rawValue: 3 << 30)])
        loop.runReady()
        #expect(reports.all == [])
        pipe.write()
        loop.runReady()
        loop.runReady()
        #expect(reports.all == [.read, .read])
        pipe.read()
        loop.runReady()
        #expect(reports.all == [.read, .read])
        watch.cancel()
    }

    @Test("An edge-triggered watch reports each arrival once, and reports again after a change")
    func edgeTriggeredWatch() throws {
        let watch = try watch(pipe.reading, for: .read, edgeTriggered: true)
        pipe.write()
        loop.runReady()
        loop.runReady()
        #expect(reports.all == [.read])
        pipe.write()
        loop.runReady()
        #expect(reports.all == [.read, .read])
        watch.change(to: .read)
        loop.runReady()
        loop.runReady()
        #expect(reports.all == [.read, .read, .read])
        watch.cancel()
    }

    @Test("A watch for nothing reports that a pipe has lost its other end")
    func watchReportsLostPipe() throws {
        let reader = try watch(pipe.reading, for: [])
        pipe.closeWriting()
        loop.runReady()
        #expect(reports.all == [.hangup])
        reader.cancel()
        let other = try Pipe()
        let writer = try watch(other.writing, for: [])
        other.closeReading()
        loop.runReady()
        #expect(reports.all == [.hangup, .error])
        writer.cancel()
    }

    @Test("A watch reports that a socket's peer writes no more")
    func watchReportsPeersHangup() throws {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        defer { for end in ends { close(end) } }
        let watch = try watch(ends[0], for: [.write, .peerHangup])
        loop.runReady()
        #expect(reports.all == [.write])
        shutdown(ends[1], Int32(SHUT_WR))
        loop.runReady()
        #expect(reports.all.last == [.write, .peerHangup])
        watch.change(to: .peerHangup)
        loop.runReady()
        #expect(reports.all.last == .peerHangup)
        watch.cancel()
    }

    @Test("A cancelled watch reports nothing, releases its closure, and leaves the descriptor to the next watch")
    func cancelledWatchReportsNothing() throws {
        weak let witness: Reports?
        let first: EventLoop.Watch
        do {
            let owned = Reports()
            witness = owned
            first = try loop.watch(pipe.reading, for: .read) { owned.add($0) }
        }
        pipe.write()
        #expect(witness != nil)
        first.cancel()
        #expect(witness == nil)
        let second = try watch(pipe.reading, for: .read)
        first.cancel()
        first.change(to: .write)
        loop.runReady()
        #expect(reports.all == [.read])
        second.cancel()
        loop.runReady()
        #expect(reports.all == [.read])
    }

    @Test("A watch on the shared loop reports on the loop's thread, where an actor of the loop may be used")
    func sharedLoopReportsOnItsThread() async throws {
        let shared = try EventLoop.shared
        let clerk = Clerk(on: shared)
        let (counts, sink) = AsyncStream<Int>.makeStream()
        let watch = try shared.watch(pipe.reading, for: .read, edgeTriggered: true) { _ in
            sink.yield(clerk.assumeIsolated { $0.count() })
        }
        pipe.write()
        var iterator = counts.makeAsyncIterator()
        #expect(await iterator.next() == 1)
        watch.cancel()
    }

    @Test("A descriptor that cannot be watched is refused, and the error says what to do")
    func unwatchableDescriptorIsRefused() throws {
        let file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        let watch = try watch(pipe.reading, for: .read)
        for (descriptor, advice) in [
            (-1, "number of an open descriptor"), (file, "without a watch"), (pipe.reading, "cancel that watch"),
        ] {
            let error = #expect(throws: PortError.self) { try self.watch(descriptor, for: .read) }
            #expect(error?.code == .invalidDescriptor)
            #expect(error?.message.contains(advice) == true)
        }
        watch.cancel()
    }
}

/// An actor on a loop, which counts its calls.
private actor Clerk {
    private let loop: EventLoop
    private var calls = 0

    init(on loop: EventLoop) {
        self.loop = loop
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.serialExecutor.asUnownedSerialExecutor() }

    func count() -> Int {
        calls += 1
        return calls
    }
}

private final class Reports: Sendable {
    private let list = Mutex<[EventLoop.Readiness]>([])

    var all: [EventLoop.Readiness] { list.withLock(\.self) }

    func add(_ readiness: EventLoop.Readiness) { list.withLock { $0.append(readiness) } }
}

/// A pipe with a byte or two in it.
private final class Pipe: Sendable {
    private let ends: Mutex<[Int32]>
    let reading: Int32
    let writing: Int32

    init() throws {
        var numbers: [Int32] = [-1, -1]
        try #require(Glibc.pipe(&numbers) == 0)
        (reading, writing) = (numbers[0], numbers[1])
        ends = Mutex(numbers)
    }

    deinit {
        closeReading()
        closeWriting()
    }

    func write() { Glibc.write(writing, "x", 1) }

    func read() {
        var byte: UInt8 = 0
        Glibc.read(reading, &byte, 1)
    }

    func closeReading() { close(at: 0) }
    func closeWriting() { close(at: 1) }

    private func close(at index: Int) {
        ends.withLock { ends in
            if ends[index] >= 0 { Glibc.close(ends[index]) }
            ends[index] = -1
        }
    }
}
