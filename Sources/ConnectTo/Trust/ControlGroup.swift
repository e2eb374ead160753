/// The names of control groups, as systemd and desktops give them to applications they start:
/// `app[-LAUNCHER]-ID-RANDOM.scope`, `app[-LAUNCHER]-ID[@RANDOM].service`.
///
/// https://systemd.io/DESKTOP_ENVIRONMENTS
enum ControlGroup {
    /// The application whose group a process is in, by the contents of `/proc/PID/cgroup`.
    static func application(in file: [UInt8]) -> String? {
        for line in file.split(separator: UInt8(ascii: "\n")) {
            // The one hierarchy that systemd manages: 0 of version 2, or the one called systemd.
            let fields = line.split(
                separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3,
                fields[0].elementsEqual("0".utf8) || fields[1].elementsEqual("name=systemd".utf8)
            else { continue }
            // A unit may have groups of its own below it, so the unit is not always the last element.
            for element in fields[2].split(separator: UInt8(ascii: "/")).reversed() {
                if let unit = String(validating: element, as: UTF8.self), let id = application(ofUnit: unit) {
                    return id
                }
            }
        }
        return nil
    }

    /// Nil where the unit is not an application's.
    static func application(ofUnit unit: String) -> String? {
        guard unit.hasPrefix("app-") else { return nil }
        let name = unit.dropFirst("app-".count)
        let escaped: Substring?
        if name.hasSuffix(".scope") {
            // The last part is random, so that an application may have several units.
            let parts = name.dropLast(".scope".count).split(separator: "-", omittingEmptySubsequences: false)
            escaped = parts.count >= 2 ? parts[parts.count - 2] : nil
        } else if name.hasSuffix(".service") {
            escaped = name.dropLast(".service".count).prefix { $0 != "@" }.split(separator: "-").last
        } else {
            escaped = nil
        }
        guard let id = escaped.flatMap(unescape), !id.isEmpty else { return nil }
        return id
    }

    /// Decodes `\x2d`, a byte by its number: systemd writes so what a unit's name cannot contain.
    private static func unescape(_ escaped: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = escaped.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            guard rest.popFirst() == UInt8(ascii: "x"),
                let digits = String(validating: rest.prefix(2), as: UTF8.self), digits.utf8.count == 2,
                let value = UInt8(digits, radix: 16)
            else { return nil }
            rest.removeFirst(2)
            bytes.append(value)
        }
        // People read an id and programs compare it: no invisible character may be in it.
        return bytes.allSatisfy { $0 > 0x20 && $0 != 0x7F } ? String(validating: bytes, as: UTF8.self) : nil
    }
}
