/// A text and a place in it, as a person sees them: lines, and characters of which each may be several code units.
struct Page {
    let text: String
    /// In UTF-16 code units.
    let caret: Int

    private var index: String.Index { text.index(at: caret) }

    /// Where the caret is after a key.
    func moved(_ key: Key) -> Int {
        switch key {
        case .left: offset(index == text.startIndex ? index : text.index(before: index))
        case .right: offset(index == text.endIndex ? index : text.index(after: index))
        case .home: offset(lineStart(index))
        case .end: offset(lineEnd(index))
        case .up: offset(lineAbove)
        case .down: offset(lineBelow)
        default: caret
        }
    }

    private var column: Int { text.distance(from: lineStart(index), to: index) }

    private var lineAbove: String.Index {
        let start = lineStart(index)
        if start == text.startIndex { return start }
        return place(from: lineStart(text.index(before: start)))
    }

    private var lineBelow: String.Index {
        let end = lineEnd(index)
        return end == text.endIndex ? end : place(from: text.index(after: end))
    }

    private func place(from start: String.Index) -> String.Index {
        text.index(start, offsetBy: column, limitedBy: lineEnd(start)) ?? lineEnd(start)
    }

    private func lineStart(_ index: String.Index) -> String.Index {
        text[..<index].lastIndex { $0.isNewline }.map { text.index(after: $0) } ?? text.startIndex
    }

    private func lineEnd(_ index: String.Index) -> String.Index {
        text[index...].firstIndex { $0.isNewline } ?? text.endIndex
    }

    private func offset(_ index: String.Index) -> Int { index.utf16Offset(in: text) }

    // MARK: Drawing

    /// The bytes that show the page on a terminal: the lines around the caret, the places of others in reverse video, and
    /// a line about it all.
    func drawn(rows: Int, columns: Int, others: [Int], status: String) -> String {
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        let caretRow = text[..<index].count { $0.isNewline }
        let height = max(rows - 1, 1)
        let top = max(0, caretRow - height + 1)
        var output = "\u{1b}[?25l\u{1b}[H"
        for row in top..<top + height {
            if lines.indices.contains(row) { output += drawn(lines[row], columns, others) }
            output += "\u{1b}[K\r\n"
        }
        output += "\u{1b}[7m\(status.prefix(columns - 1))\u{1b}[0m\u{1b}[K"
        let left = text[lineStart(index)..<index].reduce(1) { $0 + $1.width }
        return output + "\u{1b}[\(caretRow - top + 1);\(min(left, columns))H\u{1b}[?25h"
    }

    private func drawn(_ line: Substring, _ columns: Int, _ others: [Int]) -> String {
        var output = ""
        var width = 0
        var place = offset(line.startIndex)
        for character in line {
            width += character.width
            if width >= columns { return output }
            output += others.contains(place) ? "\u{1b}[7m\(character.shown)\u{1b}[0m" : character.shown
            place += character.utf16.count
        }
        return output + (others.contains(place) ? "\u{1b}[7m \u{1b}[0m" : "")
    }
}

extension String {
    func index(at utf16: Int) -> Index {
        self.utf16.index(startIndex, offsetBy: min(max(utf16, 0), self.utf16.count))
    }
}

extension Character {
    /// What a terminal can show: nothing that moves its cursor.
    fileprivate var shown: String {
        unicodeScalars.contains { $0.properties.generalCategory == .control } ? "·" : String(self)
    }

    fileprivate var width: Int {
        guard let scalar = unicodeScalars.first else { return 0 }
        let isWide =
            scalar.properties.isEmojiPresentation || 0x1100...0x115f ~= scalar.value
            || 0x2e80...0xa4cf ~= scalar.value || 0xac00...0xd7a3 ~= scalar.value || 0xff00...0xff60 ~= scalar.value
        return isWide ? 2 : 1
    }
}
