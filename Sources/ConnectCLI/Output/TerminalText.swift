/// Text from elsewhere, made safe and predictable on a terminal.
enum TerminalText {
    /// A name, or another short text, with what would act on a terminal or is not seen there written as escapes:
    /// control characters, what turns the writing direction, what has no width or looks like a blank, blanks at either
    /// end, and the backslash itself. So no name can pass for another one by these, move the cursor or break a line.
    static func escaped(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        let start = scalars.firstIndex { $0 != " " } ?? scalars.count
        let end = scalars.lastIndex { $0 != " " } ?? scalars.count
        var result = ""
        for (index, scalar) in scalars.enumerated() {
            if scalar == " ", index < start || index > end {
                result += hexadecimal(scalar)
            } else if scalar == zeroWidthJoiner, !joinsEmoji(index, in: scalars) {
                result += hexadecimal(scalar)
            } else {
                append(scalar, to: &result)
            }
        }
        return result
    }

    /// The same for what has been put together from escaped parts: its backslashes stay as they are, and its blanks.
    static func escapedOnce(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar == "\\" { result += "\\" } else { append(scalar, to: &result) }
        }
        return result
    }

    /// Whether it would do something to a terminal, or to what else is shown there.
    static func acts(_ scalar: Unicode.Scalar) -> Bool {
        // Most text by far, quickly.
        if scalar.value < 0x7F { return scalar.value < 0x20 }
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: return true
        case .format: return scalar != zeroWidthJoiner
        default: return false
        }
    }

    /// Whether it acts on a terminal, or is not seen there.
    static func isUnseen(_ scalar: Unicode.Scalar) -> Bool {
        scalar != "\\" && escape(for: scalar) != nil
    }

    private static let zeroWidthJoiner: Unicode.Scalar = "\u{200D}"

    private static func joinsEmoji(_ index: Int, in scalars: [Unicode.Scalar]) -> Bool {
        guard index > 0, index + 1 < scalars.count else { return false }
        return [scalars[index - 1], scalars[index + 1]].allSatisfy { $0.value > 0xFF && $0.properties.isEmoji }
    }

    private static func append(_ scalar: Unicode.Scalar, to result: inout String) {
        if let escape = escape(for: scalar) { result += escape } else { result.unicodeScalars.append(scalar) }
    }

    private static func escape(for scalar: Unicode.Scalar) -> String? {
        switch scalar {
        case "\\": return "\\\\"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        case zeroWidthJoiner: return nil
        default: break
        }
        if ArgumentBytes.isEscape(scalar) {
            return "\\x" + String(scalar.value & 0xFF, radix: 16, uppercase: true)
        }
        return acts(scalar) || looksLikeNothing(scalar) ? hexadecimal(scalar) : nil
    }

    /// Whether it leaves nothing on the screen, or a blank, or nobody knows what.
    private static func looksLikeNothing(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .spaceSeparator: scalar != " "
        case .privateUse, .unassigned, .surrogate: true
        // Fillers and variation selectors, and the one pattern of Braille that has no dots.
        default: scalar.properties.isDefaultIgnorableCodePoint || scalar == "\u{2800}"
        }
    }

    private static func hexadecimal(_ scalar: Unicode.Scalar) -> String {
        "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
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
