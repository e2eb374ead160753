import ConnectToDBus
import ConnectToLinux

/// A context's object on the bus: decides the answer to each call; does no I/O.
///
/// The contract stands in `dbus/org.connectto.Context1.xml`.
enum ContextObject {
    enum Answer {
        case reply([DBusValue])
        case error(name: String, message: String)
        /// Describe the object, and what is below it; the registry knows both.
        case describe
        /// Tell what the context has done; the registry decides whether the caller may know.
        case tellStatus
        /// Let an observer tap the context's messages; the registry decides whether it may.
        case tap(StreamSocket)
        /// Admit a caller with a line; the registry decides whether it is admitted.
        case admit(StreamSocket, Greeting)
    }

    static func answer(_ call: MethodCall, for registration: Registration) -> Answer {
        switch (call.interface, call.member) {
        case (ContextInterface.name, "Connect"), (nil, "Connect"):
            return connect(call, registration)
        case (ContextInterface.name, ContextInterface.status), (nil, ContextInterface.status):
            return call.body.isEmpty ? .tellStatus : invalid("Status takes no arguments")
        case (ContextInterface.name, ContextInterface.tap), (nil, ContextInterface.tap):
            return tap(call)
        case (ContextInterface.properties, "Get"), (nil, "Get"):
            return get(call, registration)
        case (ContextInterface.properties, "GetAll"), (nil, "GetAll"):
            return getAll(call, registration)
        case (ContextInterface.properties, "Set"), (nil, "Set"):
            return set(call, registration)
        case _ where isIntrospection(call):
            return call.body.isEmpty ? .describe : invalid("Introspect takes no arguments")
        default:
            return .error(
                name: DBusError.Name.unknownMethod,
                message: "a context has no method \(call.member) in \(call.interface ?? "any interface")")
        }
    }

    // MARK: Connect

    private static func connect(_ call: MethodCall, _ registration: Registration) -> Answer {
        switch registration.status {
        case .ended: return noContext("the context has just been unregistered")
        case .standby:
            return noContext(
                "this program stands by for the context and does not own its name yet; call the name itself"
            )
        case .requested, .registered, .interrupted: break
        }
        guard call.body.count == 2, case .unixFD(let descriptor) = call.body[0] else {
            return invalid("Connect takes a descriptor and options (ha{sv})")
        }
        do throws(Greeting.Malformed) {
            let hello = try Greeting(decoding: call.body[1])
            return line(descriptor) { .admit($0, hello) }
        } catch {
            return invalid(error.fault)
        }
    }

    private static func tap(_ call: MethodCall) -> Answer {
        guard call.body.count == 2, case .unixFD(let descriptor) = call.body[0],
            case .dictionary("s", "v", _) = call.body[1]
        else { return invalid("Tap takes a descriptor and options (ha{sv})") }
        return line(descriptor, Answer.tap)
    }

    /// Checks the descriptor that a caller passes as its line. If listeners had both ends of a pair, neither would be
    /// the caller: the lines would last for ever, and two listeners that answer each other would never stop.
    private static func line(_ descriptor: Descriptor, _ use: (StreamSocket) -> Answer) -> Answer {
        guard StreamSocket.isConnectedStream(descriptor) else {
            return invalid("the descriptor is not a connected AF_UNIX SOCK_STREAM socket")
        }
        guard StreamSocket.markAsIntroduced(descriptor) else {
            return invalid(
                "the other end of the socket pair has been passed to a listener too, or is bound to an address; make a "
                    + "new pair for each call, and keep the other end")
        }
        return use(StreamSocket(descriptor))
    }

    private static func noContext(_ message: String) -> Answer {
        .error(name: DBusError.Name.unknownObject, message: message)
    }

    private static func invalid(_ message: String) -> Answer {
        .error(name: DBusError.Name.invalidArguments, message: message)
    }

    // MARK: Properties

    private static func properties(_ registration: Registration) -> [(name: String, value: DBusValue)] {
        [
            ("Name", .bytes([UInt8](registration.context.name.utf8))),
            ("Origin", .string(registration.context.origin)),
            ("Version", .uint32(Greeting.version)),
            ("Format", .string(registration.format.rawValue)),
            ("Metadata", registration.metadata.encoded),
        ]
    }

    private static func getAll(_ call: MethodCall, _ registration: Registration) -> Answer {
        guard call.body.count == 1, case .string(let interface) = call.body[0] else {
            return invalid("GetAll takes an interface (s)")
        }
        if let error = unknownInterface(interface) { return error }
        let pairs = properties(registration).map { DBusValue.Pair(.string($0.name), .variant($0.value)) }
        return .reply([.dictionary(key: "s", value: "v", pairs)])
    }

    private static func get(_ call: MethodCall, _ registration: Registration) -> Answer {
        guard call.body.count == 2, case .string(let interface) = call.body[0],
            case .string(let name) = call.body[1]
        else { return invalid("Get takes an interface and a property (ss)") }
        if let error = unknownInterface(interface) { return error }
        guard let property = properties(registration).first(where: { $0.name == name }) else {
            return unknownProperty(name)
        }
        return .reply([.variant(property.value)])
    }

    private static func set(_ call: MethodCall, _ registration: Registration) -> Answer {
        guard call.body.count == 3, case .string(let interface) = call.body[0],
            case .string(let name) = call.body[1], case .variant = call.body[2]
        else { return invalid("Set takes an interface, a property and a value (ssv)") }
        if let error = unknownInterface(interface) { return error }
        guard properties(registration).contains(where: { $0.name == name }) else {
            return unknownProperty(name)
        }
        return .error(name: DBusError.Name.propertyReadOnly, message: "the property \(name) is read-only")
    }

    private static func unknownInterface(_ interface: String) -> Answer? {
        if interface.isEmpty || interface == ContextInterface.name { return nil }
        return .error(
            name: DBusError.Name.unknownInterface, message: "a context has no properties in \(interface)")
    }

    private static func unknownProperty(_ name: String) -> Answer {
        .error(name: DBusError.Name.unknownProperty, message: "a context has no property \(name)")
    }
}
