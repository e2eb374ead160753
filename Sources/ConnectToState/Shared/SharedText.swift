/// A text of a shared state that several replicas edit at the same time.
///
/// Edits are merged character by character: what one replica writes stays together, whatever others write in the same
/// place meanwhile, and what any of them removes is gone. A character is a Unicode scalar here, so that no surrogate pair
/// is ever torn apart; two replicas that change parts of one grapheme cluster (the skin colour of a hand) can make
/// another one of it.
///
/// ```swift
/// let notes = state.text("notes")
/// try notes.insert("Hello", at: 0)
/// for await edit in notes.edits { view.replace(edit.offset, edit.removed, with: edit.inserted) }
/// ```
///
/// A text is there as soon as something is written into it, and has its name beside the values of the state: no path
/// leads into it, and nothing removes it. All functions may be called on any thread; none waits.
///
/// **Offsets** count UTF-16 code units, as `NSString`, `NSRange` and most text views do. One within a surrogate pair
/// counts as the one before it, and a range that has a part of a pair has all of it. Another replica may have made the
/// text shorter a moment ago, so an offset behind the end counts as the end. To insert where the cursor is whatever
/// others write meanwhile, keep a ``TextCursor``.
///
/// An edit takes as long as the logarithm of the text's length, and as what it inserts or removes.
public struct SharedText: Sendable {
    let state: SharedState
    let key: StateKey

    /// The name of the text in the shared state.
    public var name: String { key.string }

    /// The whole text. It is put together each time.
    public var string: String { state.read(key) { $0.string } }

    /// How many UTF-16 code units the text has.
    public var utf16Count: Int { state.read(key) { $0.utf16Count } }

    // MARK: Editing

    /// Inserts a string at an offset in UTF-16 code units.
    ///
    /// When this returns, the lines have the edit and ``edits`` tells it; it has not been waited for anybody.
    ///
    /// - Throws: ``StateError`` with ``StateError/Code/limitExceeded`` or ``StateError/Code/closed``: nothing is edited.
    public func insert(_ string: String, at offset: Int) throws(StateError) {
        try replace(offset..<offset, with: string)
    }

    /// Removes a range of UTF-16 code units.
    ///
    /// - Throws: ``StateError``, as ``insert(_:at:)``.
    public func remove(_ range: Range<Int>) throws(StateError) {
        try replace(range, with: "")
    }

    /// Replaces a range of UTF-16 code units. Other replicas see all of it at once.
    ///
    /// - Throws: ``StateError``, as ``insert(_:at:)``.
    public func replace(_ range: Range<Int>, with string: String) throws(StateError) {
        try state.edit(key) { _ in (range, string) }
    }

    /// Replaces a range of Swift's characters (grapheme clusters), counted from the beginning of the text.
    ///
    /// It looks at the whole text, since it takes that to tell where grapheme clusters begin.
    ///
    /// - Throws: ``StateError``, as ``insert(_:at:)``.
    public func replace(characters range: Range<Int>, with string: String) throws(StateError) {
        try state.edit(key) { text in
            let old = text.string
            let start = old.index(old.startIndex, offsetBy: range.lowerBound, limitedBy: old.endIndex) ?? old.endIndex
            let end = old.index(start, offsetBy: range.count, limitedBy: old.endIndex) ?? old.endIndex
            return (start.utf16Offset(in: old)..<end.utf16Offset(in: old), string)
        }
    }

    /// Makes the text another one, with one edit of the part that differs: what stands before and behind it stays, and
    /// cursors in it too.
    ///
    /// - Throws: ``StateError``, as ``insert(_:at:)``.
    public func replaceAll(with string: String) throws(StateError) {
        try state.edit(key) { text in
            let old = Array(text.string.unicodeScalars)
            let new = Array(string.unicodeScalars)
            let prefix = zip(old, new).prefix { $0 == $1 }.count
            let suffix = zip(old[prefix...].reversed(), new[prefix...].reversed()).prefix { $0 == $1 }.count
            let start = old[..<prefix].reduce(0) { $0 + UTF16.width($1) }
            let removed = old[prefix..<old.count - suffix].reduce(0) { $0 + UTF16.width($1) }
            var inserted = String.UnicodeScalarView()
            inserted.append(contentsOf: new[prefix..<new.count - suffix])
            return (start..<start + removed, String(inserted))
        }
    }

    // MARK: Following

    /// The edits of the text from now on, those of other replicas and one's own, in their order, and the text before the
    /// first of them (``TextEdits/string``): there is no gap between the two.
    public var edits: TextEdits {
        let (string, feed) = state.addFeed(of: key)
        return TextEdits(string: string, subscription: TextEdits.Subscription(state, key, feed))
    }

    // MARK: Cursors

    /// The place at an offset in UTF-16 code units, which stays beside its character whatever is written elsewhere.
    ///
    /// - Parameters:
    ///   - offset: one beyond the text counts as its end.
    ///   - neighbor: the character that it stays beside.
    public func cursor(at offset: Int, beside neighbor: TextCursor.Neighbor = .before) -> TextCursor {
        state.read(key) { text in
            let side: TextSide = neighbor == .before ? .left : .right
            return TextCursor(anchor: text.anchor(at: text.characterStart(offset), beside: side))
        }
    }

    /// Where a cursor is now, in UTF-16 code units. Nil: it is beside a character that has not come here yet.
    public func offset(of cursor: TextCursor) -> Int? {
        state.read(key) { $0.offset(of: cursor.anchor) }
    }
}
