import ConnectToDBus

/// What a bus and the way to it are like, to find out why something does not work.
package struct BusFacts: Sendable {
    /// The process of the bus, as far as the bus tells.
    package let process: Peer?
    /// This process, as the bus sees it: where a proxy stands between, the proxy.
    package let own: Peer?
    /// Whether the bus's process numbers are those of this process's pid namespace. If not, nothing is known of
    /// processes.
    package let areProcessesKnown: Bool
    /// How many names are on the bus, unique and well-known.
    package let nameCount: Int

    /// The version of the libdbus that runs here.
    package static var libraryVersion: String { ConnectToDBus.libraryVersion() }
    /// The version of the protocol that is spoken here.
    package static var protocolVersion: Int { Int(Greeting.version) }
}

extension Bus {
    /// - Throws: ``ConnectToError`` where the bus does not answer.
    package func facts() async throws(ConnectToError) -> BusFacts {
        let reply = try await ask("ListNames", "asking for the names on the bus")
        guard case .array("s", let names)? = reply.body.first else {
            throw ConnectToError(
                .busError, "the bus at \(address) answered ListNames with something other than names; look at its log")
        }
        return BusFacts(
            process: try? await identities.peer(BusName.bus),
            own: try? await identities.peer(connection.uniqueName),
            areProcessesKnown: await identities.numbers == .ours, nameCount: names.count)
    }

    /// Calls a method of the bus itself that takes no arguments.
    func ask(_ member: String, _ operation: String) async throws(ConnectToError) -> Reply {
        do throws(DBusError) {
            return try await connection.call(.toBus(member), deadline: BusConnection.busDeadline)
        } catch {
            throw ConnectToError(error, operation)
        }
    }
}
