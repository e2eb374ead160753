package import ConnectToLinux

/// Where ports and buses live: a loop on Linux's epoll, with a thread of its own or turned by yours.
///
/// Nobody has to name one: everything uses ``shared`` unless told otherwise. A program that wants the lowest
/// latency runs its task on the loop, where nothing hops between threads:
///
/// ```swift
/// try await withTaskExecutorPreference(EventLoop.shared.executor) { … }
/// ```
///
/// Such a task must not block: every port of the loop waits for it.
///
/// A program with a main loop of its own (GLib, Qt, a game's) makes a loop with ``makeDrivenByForeignLoop()``,
/// watches ``pollableDescriptor`` for reading and calls ``runReady()`` when it is readable.
public struct EventLoop: Sendable {
    package let reactor: Reactor

    /// To run tasks on the loop itself, as long as it lives.
    public var executor: any TaskExecutor { reactor.tasks }

    /// To run actors on the loop itself, as their `unownedExecutor`.
    public var serialExecutor: any SerialExecutor { reactor }

    /// The process's loop, with a thread of its own, made at first use; it lives as long as the process.
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/outOfResources`` where there is no descriptor or thread left
    ///   for it.
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

    /// The same where it has been made; nil before.
    static var existingShared: EventLoop? { sharedLoop.withLock { $0 } }

    private static let sharedLoop = Lock<EventLoop?>(nil)

    /// A loop that sleeps until the caller's main loop turns it.
    ///
    /// What its ports and buses have to do waits for that, their ends included: turn it once more after closing them,
    /// or they stay in memory, with their descriptors and the loop.
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/outOfResources``.
    public static func makeDrivenByForeignLoop() throws(PortError) -> EventLoop {
        try EventLoop(drivenBy: .foreignLoop)
    }

    private init(drivenBy drive: Reactor.Drive) throws(PortError) {
        do throws(SystemError) {
            reactor = try Reactor(drivenBy: drive)
        } catch {
            throw .outOfResources("no event loop could be made", error)
        }
    }

    /// How long the loop goes on looking before it sleeps when there is nothing to do: zero unless set, 10 ms at the
    /// most.
    ///
    /// It saves what the kernel takes to wake a thread, most of a round trip, where both sides do it and each has a
    /// processor to itself. The price is that processor: for so long after every event it does nothing else, and on a
    /// machine that has none to spare everything gets slower. A foreign loop never spins.
    public var spinTime: Duration {
        get { reactor.spinTime }
        nonmutating set { reactor.spinTime = newValue }
    }

    /// Readable whenever ``runReady()`` has something to do. Not to be read from or closed.
    public var pollableDescriptor: Int32 { reactor.pollableDescriptor }

    /// Runs everything that is ready, and returns without waiting. Always on the same thread; only for a loop
    /// made by ``makeDrivenByForeignLoop()``.
    ///
    /// A peer that floods cannot keep the caller here: what still comes after 64 turns is left, and
    /// ``pollableDescriptor`` is readable at once.
    public func runReady() {
        reactor.runReady()
    }
}
