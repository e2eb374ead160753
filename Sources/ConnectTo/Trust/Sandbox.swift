import ConnectToLinux

/// What a process's root directory says of the sandbox that the process is in.
enum Sandbox: Equatable {
    case application(String)
    /// There is no sandbox of a kind known here.
    case none
    /// The root directory could not be looked at, or its file names no valid application.
    case unknown

    static let file = ".flatpak-info"
    /// The most that is read of the file, in bytes.
    static let limit = 64 << 10

    init(_ file: RootFile) {
        switch file {
        case .contents(let bytes): self = Self.application(in: bytes).map(Self.application) ?? .unknown
        case .absent: self = .none
        case .unreadable: self = .unknown
        }
    }

    /// The value of `name` in the group `Application` of a key file.
    static func application(in bytes: [UInt8]) -> String? {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var isInGroup = false
        for line in text.split(separator: "\n") {
            if line.hasPrefix("[") { isInGroup = line == "[Application]" }
            guard isInGroup, line.hasPrefix("name") else { continue }
            let rest = line.dropFirst("name".count).drop { $0 == " " }
            guard rest.hasPrefix("=") else { continue }
            let id = String(rest.dropFirst().drop { $0 == " " })
            return ContextName.isOrigin(id) ? id : nil
        }
        return nil
    }
}
