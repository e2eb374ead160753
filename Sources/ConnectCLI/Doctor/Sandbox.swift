import ConnectTo
import ConnectToLinux
import Glibc
import SystemPackage

/// The sandbox that this process runs in, as far as it can be told from inside.
enum Sandbox {
    case flatpak(application: String?)
    case snap(name: String)

    static func current() -> Sandbox? {
        // By our own number, which may be another process's in a /proc that is not ours.
        if processFilesAreOurs,
            case .contents(let bytes) = rootFile(
                ConnectTo.Sandbox.file, of: getpid(), limit: ConnectTo.Sandbox.limit)
        {
            return .flatpak(application: ConnectTo.Sandbox.application(in: bytes))
        }
        return getenv("SNAP_NAME").map { .snap(name: String(cString: $0)) }
    }

    var description: String {
        switch self {
        case .flatpak(let application): "Flatpak" + (application.map { " (\($0))" } ?? "")
        case .snap(let name): "Snap (\(name))"
        }
    }

    /// How to be allowed to own a name, or to talk to one.
    func advice(_ permission: String, _ busName: String) -> String {
        switch self {
        case .flatpak(let application):
            "flatpak override --user --\(permission)-name=\(busName) \(application ?? "APP")"
        case .snap: "add a dbus slot or plug for \(busName) to the snap"
        }
    }
}
