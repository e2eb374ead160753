/// A D-Bus service file: the program that the bus starts for a bus name.
///
/// The format is that of the D-Bus specification ("Message Bus Starting Services"), on which all buses agree. GLib has a
/// reader and a writer for it, and is not needed for anything else.
struct ServiceFile: Equatable {
    let busName: String
    /// The path of the program, then its arguments.
    let command: [String]

    /// The first line of a file that `connect activate` wrote; a file without it is left alone unless `--force` is
    /// given.
    static let mark = "# Written by connect activate, which may replace and remove it."

    /// The file's name, in any directory.
    var name: String { Self.name(for: busName) }

    /// The longest file name on Linux, in bytes.
    private static let longestName = 255

    /// The bus name, as the specification asks. If that is too long for a file name: its beginning, and a hash of all
    /// of it, since buses go by the content of the file. A dbus-daemon session bus accepts such a file name silently,
    /// dbus-broker with a warning in its log.
    static func name(for busName: String) -> String {
        let name = "\(busName).service"
        if name.utf8.count <= longestName { return name }
        // FNV-1a gives the same hash in every process; Swift's own hash does not.
        let number = busName.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return "\(busName.prefix(200))-\(String(number, radix: 16)).service"
    }

    init(busName: String, command: [String]) {
        self.busName = busName
        self.command = command
    }

    /// The content of the file, in UTF-8.
    var text: String {
        let exec = Self.escaped(command.map(Self.quoted).joined(separator: " "))
        return "\(Self.mark)\n[D-BUS Service]\nName=\(busName)\nExec=\(exec)\n"
    }

    /// Quotes a word as for a shell, because the bus splits the command line as a shell does.
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

    /// Escapes a value for a desktop file, on one text line.
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

// MARK: Reading

extension ServiceFile {
    /// The program in a service file's `Exec=`, which is the first word of the command. Nil if there is none, as in a
    /// file that leaves the start to systemd.
    static func program(in text: String) -> String? {
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("Exec=") {
            return firstWord(of: unescaped(line.dropFirst("Exec=".count)))
        }
        return nil
    }

    /// The opposite of ``escaped(_:)``.
    private static func unescaped(_ value: Substring) -> String {
        var text = ""
        var rest = value.makeIterator()
        while let character = rest.next() {
            guard character == "\\", let next = rest.next() else {
                text.append(character)
                continue
            }
            switch next {
            case "n": text.append("\n")
            case "r": text.append("\r")
            case "t": text.append("\t")
            case "s": text.append(" ")
            default: text.append(next)
            }
        }
        return text
    }

    /// The first word of a command line, as a shell would read it. (wordexp(3) would also run what it finds in `$()`.)
    private static func firstWord(of line: String) -> String? {
        var word = ""
        var quote: Character?
        var rest = line.drop { $0 == " " }.makeIterator()
        while let character = rest.next() {
            switch (character, quote) {
            case (" ", nil): return word
            case ("'", nil), ("\"", nil): quote = character
            case (let end, let begin?) where end == begin: quote = nil
            case ("\\", nil), ("\\", "\""): if let next = rest.next() { word.append(next) }
            default: word.append(character)
            }
        }
        return word.isEmpty ? nil : word
    }
}
