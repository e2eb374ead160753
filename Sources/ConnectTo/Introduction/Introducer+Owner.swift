import DBus

/// Who owns a name, looked at before anything goes there.
extension Introducer {
    enum Owner {
        /// It does not matter who.
        case anybody
        /// To be called by its unique name: the other may have another owner at any time.
        case expected(Peer)
        case unexpected(Peer)
    }

    /// - Parameter start: how long the bus may take to start a program for the name.
    /// - Throws: as the call itself would, where nobody has the name and nobody can be started for it.
    func owner(startingWithin start: Duration) async throws(DBusError) -> Owner {
        guard let expected else { return .anybody }
        let (connection, identities) = (bus.connection, bus.identities)
        let owner: String
        do throws(DBusError) {
            owner = try await nameOwner(on: connection)
        } catch {
            if error.name != DBusError.Name.nameHasNoOwner { throw error }
            _ = try await connection.call(
                .toBus("StartServiceByName", [.string(context.busName), .uint32(0)]), deadline: start)
            owner = try await nameOwner(on: connection)
        }
        var peer = try await identities.peer(owner)
        peer.context = context
        return await expected.admits(peer, asking: identities) ? .expected(peer) : .unexpected(peer)
    }

    private func nameOwner(on connection: BusConnection) async throws(DBusError) -> String {
        let reply = try await connection.call(
            .toBus("GetNameOwner", [.string(context.busName)]), deadline: BusConnection.busDeadline)
        guard case .string(let owner)? = reply.body.first else {
            throw .invalid("the bus does not say who owns \(context.busName)")
        }
        return owner
    }
}
