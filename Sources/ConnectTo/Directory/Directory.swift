import ConnectToDBus
import ConnectToLinux

/// Reads which contexts are registered on a bus, and asks about each. Asking starts no program.
struct Directory: Sendable {
    /// How long contexts have to tell about themselves: one alone, or all of a list together.
    private static let detailDeadline = Duration.seconds(1)
    /// How many contexts are asked about at a time. Buses limit the calls that wait for a reply; the stock system bus
    /// allows 128.
    private static let askedAtOnce = 64

    /// Held: a program that watches may keep only the changes.
    let bus: Bus

    private var connection: BusConnection { bus.connection }
    private var identities: Identities { bus.identities }

    /// The names of contexts. The closure runs in the very moment that the answer arrives: signals that come before
    /// it are contained in the answer, and those that come after it are not.
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

    /// Asks about many contexts; the entries are in the order of the names. A context that is gone meanwhile has no
    /// owner.
    ///
    /// All of them together have a second to tell about themselves. Contexts that have not been asked by then, or
    /// have not answered, have no metadata. What the bus knows of their owners is in the entries all the same.
    /// - Throws: ``ConnectToError/Code/timedOut`` where the bus itself has not answered about a context within five
    ///   seconds.
    func entries(_ names: [ContextName]) async throws(ConnectToError) -> [DirectoryEntry] {
        let silent = SilentOwners()
        let end = SuspendingClock.now + Self.detailDeadline
        let result = await withTaskGroup(of: (Int, Result<DirectoryEntry, DBusError>).self) { group in
            var entries = [DirectoryEntry?](repeating: nil, count: names.count)
            var failure: DBusError?
            func take(_ next: (Int, Result<DirectoryEntry, DBusError>)) {
                switch next.1 {
                case .success(let entry): entries[next.0] = entry
                case .failure(let error): failure = failure ?? error
                }
            }
            for (index, name) in names.enumerated() {
                if index >= Self.askedAtOnce, let next = await group.next() { take(next) }
                if failure != nil { break }
                group.addTask(executorPreference: connection.reactor.tasks) {
                    do throws(DBusError) {
                        let owner = try await owner(of: name)
                        return (index, .success(await entry(name, owner: owner, silent, until: end)))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            if failure != nil { group.cancelAll() }
            for await next in group { take(next) }
            return failure.map { .failure($0) } ?? Result.success(entries.compactMap { $0 })
        }
        do throws(DBusError) {
            return try result.get()
        } catch {
            throw ConnectToError(error, "asking who owns the names on the bus")
        }
    }

    /// Nil also where the bus's answer is of no use.
    /// - Throws: ``DBusError/Kind/timedOut`` where the bus does not answer.
    func owner(of context: ContextName) async throws(DBusError) -> String? {
        do throws(DBusError) {
            return try await identities.owner(of: context.busName)
        } catch {
            if error.kind == .timedOut { throw error }
            return nil
        }
    }

    /// - Parameters:
    ///   - silent: the owners that are not asked again, since they have not answered before; an owner that does not
    ///     answer now is added.
    ///   - end: when the context has to have told about itself; a second from now by default.
    func entry(
        _ context: ContextName, owner: String?, _ silent: SilentOwners,
        until end: SuspendingClock.Instant = .now + detailDeadline
    ) async -> DirectoryEntry {
        guard let owner else {
            return DirectoryEntry(
                context: context, owner: nil, pid: nil, uid: nil, processName: nil, metadata: nil)
        }
        async let metadata = metadata(of: context, at: owner, silent, until: end)
        let peer = try? await identities.peer(owner)
        return DirectoryEntry(
            context: context, owner: owner, pid: peer?.pid, uid: peer?.uid,
            processName: peer?.processName, metadata: await metadata)
    }

    /// Asks the owner by its unique name: the context's name may have another owner by now.
    private func metadata(
        of context: ContextName, at owner: String, _ silent: SilentOwners, until end: SuspendingClock.Instant
    ) async -> [String: String]? {
        let remaining = SuspendingClock.now.duration(to: end)
        if remaining <= .zero || silent.contains(owner) { return nil }
        let call = OutgoingCall(
            destination: owner, path: context.objectPath, interface: ContextInterface.properties,
            member: "Get", body: [.string(ContextInterface.name), .string("Metadata")], noAutoStart: true)
        do throws(DBusError) {
            let reply = try await connection.call(call, deadline: remaining)
            guard case .variant(let value)? = reply.body.first else { return nil }
            return [String: String](decoding: value)
        } catch {
            if error.kind == .timedOut { silent.insert(owner) }
            return nil
        }
    }
}

/// Connections that have just failed to answer within the deadline: a program that hangs costs the deadline once, and
/// not for each of its names. After a while it is asked again, as it may have hung only for a time.
final class SilentOwners: Sendable {
    private static let rest = Duration.seconds(10)

    /// Until when each owner is left alone, by unique name.
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
