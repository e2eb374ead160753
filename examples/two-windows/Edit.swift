/// One line of the document is to be this.
struct Edit: Codable {
    private var line: Int?  // from 0; nil for a new line at the end
    private var text: String

    init(typed: String) {
        let words = typed.split(separator: " ", maxSplits: 1)
        if words.count == 2, let number = Int(words[0]), number > 0 {
            (line, text) = (number - 1, String(words[1]))
        } else {
            text = typed
        }
    }

    func apply(to lines: inout [String]) {
        if let line, lines.indices.contains(line) { lines[line] = text } else { lines.append(text) }
    }
}
