import ConnectToDBus
import ConnectToLinux
import ConnectToPorts

extension Bus {
    /// Observes the messages on the lines of a context, from the moment this returns.
    ///
    ///     for try await message in try await bus.tap("the-listener") {
    ///         print(message.line, message.direction, message.length)
    ///     }
    ///
    /// For debugging: the context's owner has to have allowed it (``ContextOptions/isTappable``), and allows it only
    /// to programs of its own user. Each message of every line comes as a copy, whether the listener has received or
    /// sent it: up to 64 KiB of each, without the ports, files and buffers that were transferred with it. Lines whose
    /// format is ``LineFormat/stream`` have no messages. Eight observers may tap a context.
    ///
    /// Tapping starts no program, and slows none down: copies are left out for an observer that takes them slowly,
    /// and the next copy says how many (``TappedMessage/missedCount``). The copies are messages like others, so
    /// ``BusLimits/ports`` of both sides hold for them: a copy that is longer than the owner's bus allows counts as
    /// missed, and one that is longer than this bus allows ends the sequence with an error.
    /// - Returns: The copies; the tap ends with the sequence.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/denied`` where the owner does not allow it;
    ///   ``ConnectToError/Code/busy`` where eight observers tap it already; ``ConnectToError/Code/busError`` where no
    ///   program owns the name; ``ConnectToError/Code/invalidName``; ``ConnectToError/Code/timedOut`` after five
    ///   seconds; ``ConnectToError/Code/busLost``; ``ConnectToError/Code/outOfResources`` where no line could be
    ///   made.
    public func tap(
        _ name: String, origin: String = ContextName.defaultOrigin
    ) async throws(ConnectToError) -> TappedMessages {
        let context = try ContextName(name, origin: origin)
        let operation = "tapping \(context.quoted)"
        let (near, far): (StreamSocket, StreamSocket)
        do throws(SystemError) {
            (near, far) = try StreamSocket.pair()
        } catch {
            throw ConnectToError(PortError.outOfResources("\(operation) failed", error))
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
                throw ConnectToError(.busy, "\(operation) failed: \(error.message); try again later", cause: error)
            case let name where name.hasPrefix(ContextInterface.errorPrefix):
                throw ConnectToError(.denied, "\(operation) failed: \(error.message)", cause: error)
            case DBusError.Name.unknownMethod:
                throw ConnectToError(
                    .denied, "\(operation) failed: its program uses a version of ConnectTo without it; update that",
                    cause: error)
            case DBusError.Name.serviceUnknown, DBusError.Name.nameHasNoOwner:
                throw ConnectToError(
                    .busError, "\(operation) failed: no program has registered it; start the program that does",
                    cause: error)
            default: throw ConnectToError(error, operation)
            }
        }
        return TappedMessages(port: MessagePort(adopting: near, on: loop, limits: limits.ports))
    }
}
