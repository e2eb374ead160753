/// A message to be sent. Names and body have been checked: libdbus aborts the process on a broken name, and the bus
/// cuts the connection for a broken message.
struct OutgoingMessage {
    /// With the numbers of the D-Bus specification, as the flags.
    enum Kind: UInt8 {
        case methodCall = 1
        case methodReturn = 2
        case error = 3
    }

    struct Flags: OptionSet {
        let rawValue: UInt8
        static let noReplyExpected = Flags(rawValue: 1)
        static let noAutoStart = Flags(rawValue: 2)
    }

    let kind: Kind
    var flags: Flags = []
    var destination: String?
    var path: String?
    var interface: String?
    var member: String?
    var errorName: String?
    var replySerial: UInt32?
    let body: [DBusValue]
    /// What the check has found out about the body.
    let form: BodyCheck

    private init(_ kind: Kind, _ body: [DBusValue]) throws(DBusError) {
        self.kind = kind
        self.body = body
        form = try BodyCheck(of: body)
    }

    static func methodCall(_ call: OutgoingCall, expectsReply: Bool) throws(DBusError) -> OutgoingMessage {
        try require(Names.isBusName(call.destination), call.destination, "a bus name")
        try checkMember(path: call.path, interface: call.interface, member: call.member)
        var message = try OutgoingMessage(.methodCall, call.body)
        if call.noAutoStart { message.flags.insert(.noAutoStart) }
        if !expectsReply { message.flags.insert(.noReplyExpected) }
        message.destination = call.destination
        message.path = call.path
        message.interface = call.interface
        message.member = call.member
        return message
    }

    static func reply(to call: MethodCall, _ body: [DBusValue]) throws(DBusError) -> OutgoingMessage {
        var message = try OutgoingMessage(.methodReturn, body)
        try message.address(to: call)
        return message
    }

    static func error(
        to call: MethodCall, name: String, message text: String
    ) throws(DBusError) -> OutgoingMessage {
        try require(Names.isInterface(name), name, "the name of an error")
        var message = try OutgoingMessage(.error, [.string(text)])
        message.errorName = name
        try message.address(to: call)
        return message
    }

    private mutating func address(to call: MethodCall) throws(DBusError) {
        // A caller without a name exists only where there is no bus between us.
        if !call.sender.isEmpty {
            try Self.require(Names.isBusName(call.sender), call.sender, "a bus name")
            destination = call.sender
        }
        replySerial = call.serial
        flags = .noReplyExpected
    }

    private static func checkMember(
        path: String, interface: String, member: String
    ) throws(DBusError) {
        try require(Names.isObjectPath(path) && path != BusName.localPath, path, "an object path")
        if path.utf8.count > 65_536 { throw .invalid("an object path of more than 65536 bytes") }
        try require(
            Names.isInterface(interface) && interface != BusName.localInterface, interface,
            "the name of an interface")
        try require(Names.isMember(member), member, "the name of a method")
    }

    private static func require(
        _ holds: Bool, _ name: String, _ kind: @autoclosure () -> String
    ) throws(DBusError) {
        if !holds { throw .invalid("\(name.prefix(300).debugDescription) is not \(kind()) to be used here") }
    }
}
