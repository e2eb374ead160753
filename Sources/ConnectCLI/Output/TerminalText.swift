/// Text from outside, made safe and visible on a terminal.
enum TerminalText {
    /// Escapes a name or another short text: control characters, characters that change the writing direction,
    /// characters without width or that look like a blank, blanks at either end, and the backslash itself. So a name
    /// cannot use these to look like another name, to move the cursor or to break a text line.
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

    /// The same for a text with parts that are escaped already: its backslashes and its blanks stay as they are.
    static func escapedOnce(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar == "\\" { result += "\\" } else { append(scalar, to: &result) }
        }
        return result
    }

    /// Whether a terminal would act on the character, or show other text differently because of it.
    static func acts(_ scalar: Unicode.Scalar) -> Bool {
        // A fast path for ASCII, which most text is.
        if scalar.value < 0x7F { return scalar.value < 0x20 }
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: return true
        case .format: return scalar != zeroWidthJoiner
        default: return false
        }
    }

    /// Whether a terminal would act on the character, or not show it.
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

    /// Whether the character shows nothing or a blank, or has no known appearance.
    private static func looksLikeNothing(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .spaceSeparator: scalar != " "
        case .privateUse, .unassigned, .surrogate: true
        // Fillers and variation selectors, and the Braille pattern without dots.
        default: scalar.properties.isDefaultIgnorableCodePoint || scalar == "\u{2800}"
        }
    }

    private static func hexadecimal(_ scalar: Unicode.Scalar) -> String {
        "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
    }

    /// How many columns the text takes on a terminal.
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

/// Rows of text in columns as wide as their widest cell.
struct Table {
    private var rows: [[String]]

    init(header: [String]) {
        rows = [header]
    }

    /// Adds a row, with its cells escaped for a terminal.
    mutating func append(_ cells: [String]) {
        rows.append(cells.map(TerminalText.escaped))
    }

    /// The text lines, header first, without trailing spaces.
    var lines: [String] {
        var widths: [Int] = []
        for row in rows {
            for (column, cell) in row.enumerated() {
                let width = TerminalText.width(of: cell)
                if column < widths.count {
                    widths[column] = max(widths[column], width)
                } else {
                    widths.append(width)
                }
            }
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                if column == row.count - 1 { break }
                line += String(repeating: " ", count: widths[column] - TerminalText.width(of: cell) + 2)
            }
            return line
        }
    }
}
