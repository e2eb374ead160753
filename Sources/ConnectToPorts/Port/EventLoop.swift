package import ConnectToLinux

/// The loop on which ports and buses run: Linux's epoll, with a thread of its own or turned by your main loop.
///
/// A program need not name a loop: everything uses ``shared`` by default. A program that wants the lowest latency runs
/// its task on the loop, so that nothing changes threads:
///
/// ```swift
/// try await withTaskExecutorPreference(EventLoop.shared.executor) { … }
/// ```
///
/// Such a task must not block: every port of the loop waits for it.
///
/// A program with a main loop of its own (GLib, Qt, a game's) makes a loop with ``makeDrivenByForeignLoop()``, watches
/// ``pollableDescriptor`` for reading, and calls ``runReady()`` when the descriptor is readable.
public struct EventLoop: Sendable {
    package let reactor: Reactor

    /// Runs tasks on the loop itself, as long as the loop lives.
    public var executor: any TaskExecutor { reactor.tasks }

    /// Runs actors on the loop itself, as their `unownedExecutor`.
    public var serialExecutor: any SerialExecutor { reactor }

    /// The process's loop, with a thread of its own, made at first use; it lives as long as the process.
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/outOfResources`` where the process has no descriptor or thread
    ///   left for the loop.
    public static var shared: EventLoop {
        get throws(PortError) {
            let result: Result<EventLoop, PortError> = sharedLoop.withLock { existing in
                if let existing { return .success(existing) }
                do throws(PortError) {
                    let loop = try EventLoop(drivenBy: .ownThread)
                    existing = loop
                    return .success(loop)
                } catch {
                    return .failure(error)
                }
            }
            return try result.get()
        }
    }

    /// ``shared`` where it has been made; nil before.
    static var existingShared: EventLoop? { sharedLoop.withLock { $0 } }

    private static let sharedLoop = Lock<EventLoop?>(nil)

    /// A loop that sleeps until the caller's main loop turns it.
    ///
    /// All work of its ports and buses waits until the loop is turned, closing included: turn the loop once more after
    /// closing them, or they stay in memory, with their descriptors and the loop.
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/outOfResources``.
    public static func makeDrivenByForeignLoop() throws(PortError) -> EventLoop {
        try EventLoop(drivenBy: .foreignLoop)
    }

    init(_ reactor: Reactor) {
        self.reactor = reactor
    }

    private init(drivenBy drive: Reactor.Drive) throws(PortError) {
        do throws(SystemError) {
            reactor = try Reactor(drivenBy: drive)
        } catch {
            throw .outOfResources("the event loop could not be made", error)
        }
    }

    /// How long the loop polls for events before it sleeps: zero unless set, 10 ms at the most.
    ///
    /// Polling saves the time in which the kernel wakes a thread, which is most of a round trip, where both sides poll
    /// and each has a processor to itself. The price is that processor: after every event it does nothing else for this
    /// time, and on a machine without a spare processor everything gets slower. A foreign loop never polls in this way.
    public var spinTime: Duration {
        get { reactor.spinTime }
        nonmutating set { reactor.spinTime = newValue }
    }

    /// A descriptor that is readable whenever ``runReady()`` has something to do. Do not read from it or close it.
    public var pollableDescriptor: Int32 { reactor.pollableDescriptor }

    /// Runs everything that is ready, and returns without waiting. Call it always on the same thread, and only for a
    /// loop made by ``makeDrivenByForeignLoop()``.
    ///
    /// A flooding peer cannot keep the caller here: after 64 turns the call returns, and ``pollableDescriptor`` is
    /// readable at once if work is left.
    public func runReady() {
        reactor.runReady()
    }
}
