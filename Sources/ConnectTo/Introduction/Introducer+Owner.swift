import ConnectToDBus

/// Looks at the owner of a name before anything is sent to it.
extension Introducer {
    enum Owner {
        /// Any owner will do.
        case any
        /// To be called by its unique name: the well-known name may get another owner at any time.
        case expected(Peer)
        case unexpected(Peer)
    }

    /// - Parameter start: how long the bus may take to start a program for the name.
    /// - Throws: as the call itself would, where the name has no owner and no program can be started for it.
    func owner(startingWithin start: Duration) async throws(DBusError) -> Owner {
        guard let expected = options.expected else { return .any }
        let identities = bus.identities
        var owner = try await identities.owner(of: context.busName)
        if owner == nil {
            _ = try await bus.connection.call(
                .toBus("StartServiceByName", [.string(context.busName), .uint32(0)]), deadline: start)
            owner = try await identities.owner(of: context.busName)
        }
        guard let owner else {
            throw DBusError(
                name: DBusError.Name.nameHasNoOwner, message: "the program that the bus started for the name has ended")
        }
        var peer = try await identities.peer(owner)
        peer.context = context
        return await expected.admits(peer, asking: identities) ? .expected(peer) : .unexpected(peer)
    }
}
