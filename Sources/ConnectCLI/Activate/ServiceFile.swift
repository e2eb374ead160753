/// What a D-Bus service file says: which program is started for a bus name.
///
/// The form is that of the D-Bus specification ("Message Bus Starting Services"), on which all buses agree.
struct ServiceFile: Equatable {
    let busName: String
    /// The program by its path, then its arguments.
    let command: [String]

    /// The first line of a file of ours; others are somebody else's.
    static let mark = "# Written by connect activate, which may replace and remove it."

    /// Its name in whatever directory.
    var name: String { Self.name(for: busName) }

    /// What a file may be called on Linux, in bytes.
    private static let longestName = 255

    /// The bus name, as the specification wishes. Of a bus name that is too long for a file's name, the beginning and a
    /// number made of all of it: buses go by what is in the file. dbus-daemon takes such a name without a word on a
    /// session bus, dbus-broker with a warning in its log.
    static func name(for busName: String) -> String {
        let name = "\(busName).service"
        if name.utf8.count <= longestName { return name }
        // FNV-1a, which gives the same number in every process, as Swift's own hash does not.
        let number = busName.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return "\(busName.prefix(200))-\(String(number, radix: 16)).service"
    }

    init(busName: String, command: [String]) {
        self.busName = busName
        self.command = command
    }

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

// MARK: Reading

extension ServiceFile {
    /// The program that a service file names in `Exec=`: the first word of the command. Nil where there is none, as in a
    /// file that leaves it to systemd.
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

    /// The first word of a command line, as a shell would read it.
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
