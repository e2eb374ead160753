/// What a D-Bus service file says: which program is started for a bus name.
///
/// The form is that of the D-Bus specification ("Message Bus Starting Services"), on which all buses agree.
struct ServiceFile: Equatable {
    let busName: String
    /// The program by its path, then its arguments.
    let command: [String]

    /// The first line of a file of ours; others are somebody else's.
    static let mark = "# Written by connect activate, which may replace and remove it."

    /// Its name in whatever directory: the bus name, as the specification wishes.
    var name: String { "\(busName).service" }

    /// The file, in UTF-8.
    var text: String {
        let exec = Self.escaped(command.map(Self.quoted).joined(separator: " "))
        return "\(Self.mark)\n[D-BUS Service]\nName=\(busName)\nExec=\(exec)\n"
    }

    /// A word as a shell would read it: that is how the bus takes the line apart.
    private static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "/._-+,:@%=".utf8.contains(byte)
            }
        }
        if isPlain, !word.isEmpty { return word }
        return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#)
            + "'"
    }

    /// A value as it stands in a desktop file: on one line.
    private static func escaped(_ value: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped.append(contentsOf: #"\\"#.unicodeScalars)
            case "\n": escaped.append(contentsOf: #"\n"#.unicodeScalars)
            case "\r": escaped.append(contentsOf: #"\r"#.unicodeScalars)
            case "\t": escaped.append(contentsOf: #"\t"#.unicodeScalars)
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}
