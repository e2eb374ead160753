import Glibc
import SystemPackage

/// The sandbox that this process runs in, as far as it can be told from inside.
enum Sandbox {
    case flatpak(application: String?)
    case snap(name: String)

    static func current() -> Sandbox? {
        if access("/.flatpak-info", F_OK) == 0 { return .flatpak(application: flatpakApplication()) }
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

    /// `name=` in the file that Flatpak puts into every sandbox.
    private static func flatpakApplication() -> String? {
        guard let file = fopen("/.flatpak-info", "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if text.hasPrefix("name=") {
                return text.dropFirst(5).split(separator: "\n").first.map(String.init)
            }
        }
        return nil
    }
}
