/// A message to be sent, whose names and body have been checked: libdbus aborts the process on an invalid name, and the
/// bus closes the connection for an invalid message.
struct CheckedMessage {
    /// The raw values of kinds and flags are those of the D-Bus specification.
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
    /// The size, signature and descriptor count of the body.
    let form: BodyCheck

    private init(_ kind: Kind, _ body: [DBusValue]) throws(DBusError) {
        self.kind = kind
        self.body = body
        form = try BodyCheck(of: body)
    }

    static func methodCall(_ call: OutgoingCall, expectsReply: Bool) throws(DBusError) -> CheckedMessage {
        try require(Names.isBusName(call.destination), call.destination, "a bus name")
        try checkMember(path: call.path, interface: call.interface, member: call.member)
        var message = try CheckedMessage(.methodCall, call.body)
        if call.noAutoStart { message.flags.insert(.noAutoStart) }
        if !expectsReply { message.flags.insert(.noReplyExpected) }
        message.destination = call.destination
        message.path = call.path
        message.interface = call.interface
        message.member = call.member
        return message
    }

    static func reply(to call: MethodCall, _ body: [DBusValue]) throws(DBusError) -> CheckedMessage {
        var message = try CheckedMessage(.methodReturn, body)
        try message.address(to: call)
        return message
    }

    static func error(
        to call: MethodCall, name: String, message text: String
    ) throws(DBusError) -> CheckedMessage {
        try require(Names.isInterface(name), name, "the name of an error")
        var message = try CheckedMessage(.error, [.string(text)])
        message.errorName = name
        try message.address(to: call)
        return message
    }

    private mutating func address(to call: MethodCall) throws(DBusError) {
        // Only a caller that is connected to us directly, without a bus, has no name.
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
        if path.utf8.count > 65_536 { throw .invalid("an object path cannot have more than 65536 bytes") }
        try require(
            Names.isInterface(interface) && interface != BusName.localInterface, interface,
            "the name of an interface")
        try require(Names.isMember(member), member, "the name of a method")
    }

    private static func require(
        _ holds: Bool, _ name: String, _ kind: @autoclosure () -> String
    ) throws(DBusError) {
        if !holds { throw .invalid("\(name.prefix(300).debugDescription) cannot be used as \(kind())") }
    }
}
