/// Text from elsewhere, made safe and predictable on a terminal.
enum TerminalText {
    /// Control characters (C0, DEL, C1), what turns the writing direction or is otherwise invisible, line
    /// separators and the backslash itself, written as escapes; so no name can pass for another one, move the
    /// cursor or break a line.
    static func escaped(_ text: String) -> String {
        escaped(text) { _ in true }
    }

    /// The same for what has been put together from escaped parts: its backslashes stay as they are.
    static func escapedOnce(_ text: String) -> String {
        escaped(text) { $0 != "\\" }
    }

    private static func escaped(_ text: String, where isCandidate: (Unicode.Scalar) -> Bool) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if isCandidate(scalar), let escape = escape(for: scalar) {
                result.append(contentsOf: escape.unicodeScalars)
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    /// Whether it would do something to a terminal, or not be seen there.
    static func isUnseen(_ scalar: Unicode.Scalar) -> Bool {
        scalar != "\\" && escape(for: scalar) != nil
    }

    private static func escape(for scalar: Unicode.Scalar) -> String? {
        switch scalar {
        case "\\": return "\\\\"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        case "\u{200D}": return nil  // joins emoji
        default: break
        }
        if ArgumentBytes.isEscape(scalar) {
            return "\\x" + String(scalar.value & 0xFF, radix: 16, uppercase: true)
        }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
            return "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
        default: return nil
        }
    }

    /// How many columns a terminal gives the text.
    static func width(of text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + width(of: $1) }
    }

    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
        0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF,
        0x20000...0x3FFFD,
    ]

    private static func width(of scalar: Unicode.Scalar) -> Int {
        if scalar.value < 0x300 { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return wide.contains { $0.contains(scalar.value) } ? 2 : 1
        }
    }
}
