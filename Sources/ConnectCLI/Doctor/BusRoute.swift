import ConnectTo
import Glibc

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

extension BusRoute {
    /// The sandbox that this process runs in, as far as the process can tell from inside.
    enum Sandbox {
        case flatpak(application: String?)
        case snap(name: String)

        static func current() -> Sandbox? {
            if access("/.flatpak-info", F_OK) == 0 {
                let application = Peer.Application.current
                return .flatpak(application: application?.source == .sandbox ? application?.id : nil)
            }
            return getenv("SNAP_NAME").map { .snap(name: String(cString: $0)) }
        }

        var description: String {
            switch self {
            case .flatpak(let application): "Flatpak" + (application.map { " (\($0))" } ?? "")
            case .snap(let name): "Snap (\(name))"
            }
        }

        /// How to allow this process to own a name, or to talk to its owner.
        func advice(_ permission: String, _ busName: String) -> String {
            switch self {
            case .flatpak(let application):
                "flatpak override --user --\(permission)-name=\(busName) \(application ?? "APP")"
            case .snap: "add a dbus slot or plug for \(busName) to the snap"
            }
        }
    }
}
