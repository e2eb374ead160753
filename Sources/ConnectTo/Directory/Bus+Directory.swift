import ConnectToDBus
import ConnectToLinux

extension Bus {
    /// The contexts that are registered now, of one origin or of all, in no particular order.
    ///
    /// Asking starts no program, and 64 contexts are asked at a time. All of them together have a second to tell
    /// about themselves. Contexts that have not answered by then, or could not be asked, are listed without metadata.
    /// So are the other contexts of a program that is silent.
    /// - Throws: ``ConnectToError`` where the bus is lost or does not answer within five seconds.
    public func directory(origin: String? = nil) async throws(ConnectToError) -> [DirectoryEntry] {
        let directory = Directory(bus: self)
        let generation = await connection.generation
        let entries = try await directory.entries(try await directory.names(origin: origin))
            .filter { $0.owner != nil }
        // If the bus went away meanwhile, names that could not be asked about are missing, as if they had no owner.
        guard await connection.isConnected, await connection.generation == generation else {
            throw ConnectToError(
                DBusError.disconnected("the connection to the bus ended meanwhile"), "reading the directory")
        }
        return entries
    }

    /// The contexts that come and go from now on, together with those that are there now.
    ///
    /// The subscription is in force when this returns, and ``DirectoryChanges/snapshot`` and the changes fit together
    /// without a gap. It goes on when the bus has been away (``Bus/status``): then it tells what is different.
    /// - Throws: ``ConnectToError`` where the bus is away or lost, or gives no more match rules.
    public func changes(origin: String? = nil) async throws(ConnectToError) -> DirectoryChanges {
        let directory = Directory(bus: self)
        let (stream, sink) = AsyncStream<DirectoryChanges.News>.makeStream(
            bufferingPolicy: .bufferingOldest(DirectoryChanges.queuedChanges))
        let failure = Latch<ConnectToError>()
        // Set once the snapshot is read: what the snapshot contains already is not told again.
        let snapshotIsRead = Latch<Void>()
        let scope = origin.map { OwnerWatch.Scope.namespace($0 + ".Context") } ?? .all
        let subscription: OwnerWatch.Subscription
        do throws(DBusError) {
            subscription = try await watch.subscribe(scope) { event in
                switch event {
                case .lost(let error):
                    failure.set(ConnectToError(error, "watching the names on the bus"))
                    sink.finish()
                case .changed(let change):
                    // The namespace of one origin also contains the names of longer origins.
                    guard snapshotIsRead.value != nil, let context = ContextName(busName: change.name),
                        origin == nil || context.origin == origin
                    else { return }
                    sink.tell(.changed(context, change), orFailBy: failure)
                case .returned(let names):
                    if snapshotIsRead.value == nil { return }
                    let contexts = names.compactMap(ContextName.init(busName:))
                    let news = contexts.filter { origin == nil || $0.origin == origin }
                    sink.tell(.returned(news), orFailBy: failure)
                }
            }
        } catch {
            throw ConnectToError(error, "watching the names on the bus")
        }
        sink.onTermination = { [watch] _ in Task { await watch.unsubscribe(subscription) } }
        do throws(ConnectToError) {
            let names = try await directory.names(origin: origin) { snapshotIsRead.set() }
            return DirectoryChanges(
                snapshot: try await directory.entries(names), directory: directory, changes: stream,
                failure: failure)
        } catch {
            sink.finish()
            throw error
        }
    }
}

extension AsyncStream<DirectoryChanges.News>.Continuation {
    fileprivate func tell(_ news: DirectoryChanges.News, orFailBy failure: Latch<ConnectToError>) {
        guard case .dropped = yield(news) else { return }
        failure.set(.changesLost)
        finish()
    }
}

extension ConnectToError {
    fileprivate static let changesLost = ConnectToError(
        .changesLost,
        """
        more than \(DirectoryChanges.queuedChanges) changes of the directory waited to be taken, and the rest was \
        dropped; read the directory again
        """
    )
}
