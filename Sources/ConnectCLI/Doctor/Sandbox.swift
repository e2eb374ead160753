import ConnectTo
import ConnectToLinux
import Glibc
import SystemPackage

/// The sandbox that this process runs in, as far as the process can tell from inside.
enum Sandbox {
    case flatpak(application: String?)
    case snap(name: String)

    static func current() -> Sandbox? {
        // The file is looked up by our process number, which may be another process's if /proc is of another pid
        // namespace.
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

    /// How to allow this process to own a name, or to talk to its owner.
    func advice(_ permission: String, _ busName: String) -> String {
        switch self {
        case .flatpak(let application):
            "flatpak override --user --\(permission)-name=\(busName) \(application ?? "APP")"
        case .snap: "add a dbus slot or plug for \(busName) to the snap"
        }
    }
}
