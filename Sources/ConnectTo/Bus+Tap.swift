import ConnectToDBus
import ConnectToLinux
package import ConnectToPorts

extension Bus {
    /// Looks on at what goes over the lines of a context whose owner has allowed it, from this moment on.
    ///
    /// Starts nothing, and holds up nobody: who takes slowly misses messages, and is told how many. The records are
    /// messages like others, so ``BusLimits/ports`` of both sides hold for them: one that is longer than the owner's
    /// bus allows counts as missed, one that is longer than this bus allows ends the port.
    /// - Returns: A port on which ``TapRecord``s arrive; closing it ends the looking on.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/denied`` where the owner does not allow it,
    ///   ``ConnectToError/Code/busy`` where it has enough to do, ``ConnectToError/Code/invalidName``,
    ///   ``ConnectToError/Code/timedOut`` after five seconds, ``ConnectToError/Code/busLost``;
    ///   ``ConnectToError/Code/busError`` where nobody owns the name.
    package func tap(
        _ name: String, origin: String = ContextName.defaultOrigin
    ) async throws(ConnectToError) -> MessagePort {
        let context = try ContextName(name, origin: origin)
        let operation = "looking on at \(context.quoted)"
        let (near, far): (StreamSocket, StreamSocket)
        do throws(SystemError) {
            (near, far) = try StreamSocket.pair()
        } catch {
            throw ConnectToError(PortError.outOfResources("\(operation): no line could be made", error))
        }
        let call = OutgoingCall(
            destination: context.busName, path: context.objectPath, interface: ContextInterface.name,
            member: ContextInterface.tap,
            body: [.unixFD(far.descriptor), .dictionary(key: "s", value: "v", [])], noAutoStart: true)
        do throws(DBusError) {
            _ = try await connection.call(call, deadline: BusConnection.busDeadline)
        } catch {
            switch error.name {
            case ContextInterface.busy:
                throw ConnectToError(.busy, "\(operation): \(error.message); try again later", cause: error)
            case let name where name.hasPrefix(ContextInterface.errorPrefix):
                throw ConnectToError(.denied, "\(operation): \(error.message)", cause: error)
            case DBusError.Name.unknownMethod:
                throw ConnectToError(
                    .denied, "\(operation): its program's version of ConnectTo knows nothing of it",
                    cause: error)
            case DBusError.Name.serviceUnknown, DBusError.Name.nameHasNoOwner:
                throw ConnectToError(.busError, "\(operation): nobody has registered it", cause: error)
            default: throw ConnectToError(error, operation)
            }
        }
        return MessagePort(adopting: near, on: loop, limits: limits.ports)
    }
}
