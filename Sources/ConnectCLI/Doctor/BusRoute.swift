import ConnectTo

/// What is between this process and the bus, and may hide names from this process.
struct BusRoute: Sendable {
    let sandbox: Sandbox?
    /// The process that the bus takes for this one, which is a D-Bus proxy.
    let proxy: Peer?
    /// Whether the bus is in another pid namespace. Then this process cannot see whether there is a proxy.
    let isInNamespace: Bool

    init(_ info: BusInfo) {
        sandbox = Sandbox.current()
        proxy = info.proxy
        isInNamespace = !info.knowsProcesses
    }

    /// Whether a name that this process has no permission for looks unregistered.
    var mayHideNames: Bool { hidingReason != nil }

    /// Why a name that looks unregistered may be a hidden one; nil if names cannot be hidden.
    var hidingReason: String? {
        if sandbox != nil || proxy != nil {
            return
                "this process reaches the bus through a sandbox or a proxy, and the permission for the name may be missing"
        }
        return isInNamespace
            ? "this process is in another pid namespace than the bus (a container?), and a D-Bus proxy between them may hide the name"
            : nil
    }
}
