import ConnectToDBus

/// What a context has done so far, counted.
public struct ContextStatistics: Sendable, Hashable {
    /// How long the context has been registered, or has stood by.
    public var uptime: Duration
    /// How many of the ports that came with its connect events have an open line now.
    public var openPorts: Int
    /// How many callers were admitted.
    public var admitted: UInt64
    /// How many callers were refused: not admitted, turned away as ``CloseReason/Code/busy``, or with a line of
    /// another format.
    public var refused: UInt64
    /// How many bytes arrived on its lines, with the frames' headers; nothing for lines taken as sockets.
    public var bytesReceived: UInt64
    /// How many bytes it sent on its lines.
    public var bytesSent: UInt64
    /// Whether other programs of the same user may observe its messages.
    public var isTappable: Bool
}

/// The form of the statistics on the bus (`dbus/PROTOCOL.md`, "The object"). An owner leaves out the keys that it
/// does not know.
extension ContextStatistics {
    var encoded: DBusValue {
        .dictionary(
            key: "s", value: "v",
            [
                ("uptime", DBusValue.uint64(UInt64(clamping: uptime.components.seconds))),
                ("ports", .uint32(UInt32(clamping: openPorts))),
                ("admitted", .uint64(admitted)),
                ("refused", .uint64(refused)),
                ("received", .uint64(bytesReceived)),
                ("sent", .uint64(bytesSent)),
                ("tappable", .boolean(isTappable)),
            ].map { DBusValue.Pair(.string($0.0), .variant($0.1)) })
    }

    /// Nil where the value is not an `a{sv}`. A key that is absent, or has another type, counts as 0.
    init?(decoding value: DBusValue?) {
        guard case .dictionary("s", "v", let pairs)? = value else { return nil }
        var numbers: [String: UInt64] = [:]
        var isTappable = false
        for pair in pairs {
            guard case .string(let key) = pair.key, case .variant(let value) = pair.value else { continue }
            switch value {
            case .uint32(let number): numbers[key] = UInt64(number)
            case .uint64(let number): numbers[key] = number
            case .boolean(let flag) where key == "tappable": isTappable = flag
            default: break
            }
        }
        self.init(
            uptime: .seconds(Int64(clamping: numbers["uptime"] ?? 0)),
            openPorts: Int(clamping: numbers["ports"] ?? 0), admitted: numbers["admitted"] ?? 0,
            refused: numbers["refused"] ?? 0, bytesReceived: numbers["received"] ?? 0,
            bytesSent: numbers["sent"] ?? 0, isTappable: isTappable)
    }
}
