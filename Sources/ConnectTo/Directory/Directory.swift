import DBus
import LinuxIO

/// What is registered on a bus: reads the names, and asks about each. Nothing is started by asking.
struct Directory: Sendable {
    /// For a context to tell about itself.
    private static let detailDeadline = Duration.seconds(1)
    /// How many contexts are asked about at a time. Buses bound the calls that wait for a reply, the stock
    /// system bus at 128; and in a longer queue a second would be too short for the last.
    private static let askedAtOnce = 64

    /// Held: a program that watches may keep nothing but the changes.
    let bus: Bus

    private var connection: BusConnection { bus.connection }
    private var identities: Identities { bus.identities }

    /// The names of contexts, and a closure run in the very moment that the answer arrives: signals that come
    /// before it are contained in it, those that come after are not.
    func names(
        origin: String?, whenRead: @escaping @Sendable () -> Void = {}
    ) async throws(ConnectToError) -> [ContextName] {
        let result: Result<Reply, DBusError> = await withCheckedContinuation { continuation in
            connection.reactor.execute {
                connection.assumeIsolated {
                    $0.call(.toBus("ListNames"), deadline: BusConnection.busDeadline) { result in
                        whenRead()
                        continuation.resume(returning: result)
                    }
                }
            }
        }
        do throws(DBusError) {
            guard case .array(_, let items)? = try result.get().body.first else { return [] }
            return items.compactMap { item in
                guard case .string(let name) = item, let context = ContextName(busName: name),
                    origin == nil || context.origin == origin
                else { return nil }
                return context
            }
        } catch {
            throw ConnectToError(error, "listing the names on the bus")
        }
    }

    /// Asks about many; the order is the names'. Those that are gone meanwhile have no owner.
    func entries(_ names: [ContextName]) async -> [DirectoryEntry] {
        let silent = SilentOwners()
        return await withTaskGroup(of: (Int, DirectoryEntry).self) { group in
            var entries = [DirectoryEntry?](repeating: nil, count: names.count)
            for (index, name) in names.enumerated() {
                if index >= Self.askedAtOnce, let (done, entry) = await group.next() { entries[done] = entry }
                group.addTask(executorPreference: connection.reactor.tasks) {
                    (index, await entry(name, owner: await owner(of: name), silent))
                }
            }
            for await (index, entry) in group { entries[index] = entry }
            return entries.compactMap { $0 }
        }
    }

    /// Nil also where the bus did not say.
    func owner(of context: ContextName) async -> String? {
        try? await identities.owner(of: context.busName)
    }

    /// - Parameter silent: whom not to ask again, having waited in vain; who is silent now is added.
    func entry(
        _ context: ContextName, owner: String?, _ silent: SilentOwners
    ) async -> DirectoryEntry {
        guard let owner else {
            return DirectoryEntry(
                context: context, owner: nil, pid: nil, uid: nil, processName: nil, metadata: nil)
        }
        async let metadata = metadata(of: context, at: owner, silent)
        let peer = try? await identities.peer(owner)
        return DirectoryEntry(
            context: context, owner: owner, pid: peer?.pid, uid: peer?.uid,
            processName: peer?.processName, metadata: await metadata)
    }

    /// Asks the owner by its unique name: another may own the context's by now.
    private func metadata(
        of context: ContextName, at owner: String, _ silent: SilentOwners
    ) async -> [String: String]? {
        if silent.contains(owner) { return nil }
        let call = OutgoingCall(
            destination: owner, path: context.objectPath, interface: ContextInterface.properties,
            member: "Get", body: [.string(ContextInterface.name), .string("Metadata")], noAutoStart: true)
        do throws(DBusError) {
            let reply = try await connection.call(call, deadline: Self.detailDeadline)
            guard case .variant(let value)? = reply.body.first else { return nil }
            return [String: String](decoding: value)
        } catch {
            if error.kind == .timedOut { silent.insert(owner) }
            return nil
        }
    }
}

/// Connections that did not answer within the deadline just now: a program that hangs costs it once, not for each name.
/// One that only hung for a time is asked again.
final class SilentOwners: Sendable {
    private static let rest = Duration.seconds(10)

    /// Until when each is left alone.
    private let names = Lock<[String: SuspendingClock.Instant]>([:])

    func contains(_ owner: String, now: SuspendingClock.Instant = .now) -> Bool {
        names.withLock { names in names[owner].map { now < $0 } ?? false }
    }

    func insert(_ owner: String, now: SuspendingClock.Instant = .now) {
        names.withLock { names in
            names = names.filter { now < $0.value }
            names[owner] = now + Self.rest
        }
    }
}
