import ConnectToLinux
import DequeModule

/// The changes of a text that one loop has not taken yet.
typealias TextFeed = LoopQueue<TextNews>

enum TextNews: Sendable {
    case edit(TextEdit)
    /// More changes than are kept: the text as it is when that is taken, in place of a string of so many code units.
    case whole(Int)

    /// How many changes wait at the most.
    static let greatestCount = 256

    fileprivate var growth: Int {
        if case .edit(let edit) = self { edit.inserted.utf16.count - edit.removed } else { 0 }
    }
}

extension TextFeed {
    /// Appends changes in the order in which they are made, without waking the loop.
    ///
    /// - Parameter length: that of the text after the changes.
    func append(_ edits: [TextEdit], length: Int) {
        change { waiting in
            if case .whole = waiting.first { return }
            waiting += edits.map(TextNews.edit)
            guard waiting.count > TextNews.greatestCount else { return }
            waiting = [.whole(length - waiting.reduce(0) { $0 + $1.growth })]
        }
    }
}
