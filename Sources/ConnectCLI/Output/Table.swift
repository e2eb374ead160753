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
