import CConnectToLinux

/// Text from outside, made safe and visible on a terminal.
///
/// Not `Unicode.Scalar.escaped(asASCII:)`: that escapes quotation marks, and neither characters that change the writing
/// direction nor those that show nothing.
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
        text.unicodeScalars.reduce(0) { $0 + Int(clinux_columns($1.value)) }
    }
}

/// Rows of text in columns as wide as their widest cell. printf(3) would pad to a number of bytes.
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
