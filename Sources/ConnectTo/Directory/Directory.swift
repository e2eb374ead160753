import DBus
import LinuxIO

/// What is registered on a bus: reads the names, and asks about each. Nothing is started by asking.
struct Directory: Sendable {
    /// For a context to tell about itself.
    private static let detailDeadline = Duration.seconds(1)
    private static let namesDeadline = Duration.seconds(5)

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
                    $0.call(.toBus("ListNames"), deadline: Self.namesDeadline) { result in
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

    /// Asks about many at once. Those that are gone meanwhile are left out; the order is the names'.
    func entries(_ names: [ContextName]) async -> [DirectoryEntry] {
        await withTaskGroup(of: (Int, DirectoryEntry?).self) { group in
            for (index, name) in names.enumerated() {
                group.addTask {
                    guard let owner = await identities.owner(of: name.busName) else { return (index, nil) }
                    return (index, await entry(name, owner: owner))
                }
            }
            var entries = [DirectoryEntry?](repeating: nil, count: names.count)
            for await (index, entry) in group { entries[index] = entry }
            return entries.compactMap { $0 }
        }
    }

    func entry(_ context: ContextName, owner: String?) async -> DirectoryEntry {
        guard let owner else {
            return DirectoryEntry(
                context: context, owner: nil, pid: nil, uid: nil, processName: nil, metadata: nil)
        }
        async let metadata = metadata(of: context)
        let peer = try? await identities.peer(owner)
        return DirectoryEntry(
            context: context, owner: owner, pid: peer?.pid, uid: peer?.uid,
            processName: peer?.processName, metadata: await metadata)
    }

    private func metadata(of context: ContextName) async -> [String: String]? {
        let call = OutgoingCall(
            destination: context.busName, path: context.objectPath, interface: ContextInterface.properties,
            member: "Get", body: [.string(ContextInterface.name), .string("Metadata")], noAutoStart: true)
        let reply = try? await connection.call(call, deadline: Self.detailDeadline)
        guard case .variant(let value)? = reply?.body.first else { return nil }
        return [String: String](decoding: value)
    }
}
