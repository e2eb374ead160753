import ConnectTo
import Glibc

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
