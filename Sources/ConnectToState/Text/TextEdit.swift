/// One change of a text: so many UTF-16 code units at an offset are replaced by others.
///
/// Offsets are those of the string before the change, as `NSRange` and `NSString` count, and never within a character.
/// The changes of a text, made one after the other on the string that it was, give the string that it is.
public struct TextEdit: Hashable, Sendable {
    /// The UTF-16 code units before the change.
    public var offset: Int
    /// How many UTF-16 code units are gone from there.
    public var removed: Int
    /// What is there instead.
    public var inserted: String

    public init(offset: Int, removed: Int, inserted: String) {
        self.offset = offset
        self.removed = removed
        self.inserted = inserted
    }

    /// Makes the change on a string that is as the text was.
    public func apply(to string: inout String) {
        let units = string.utf16
        let start = units.index(units.startIndex, offsetBy: offset)
        string.replaceSubrange(start..<units.index(start, offsetBy: removed), with: inserted)
    }
}

extension [TextEdit] {
    /// Appends a removal, as part of the last one where it goes on there.
    mutating func append(removal edit: TextEdit) {
        guard let last, last.inserted.isEmpty else { return append(edit) }
        if edit.offset == last.offset {
            self[count - 1].removed += edit.removed
        } else if edit.offset + edit.removed == last.offset {
            self[count - 1].offset = edit.offset
            self[count - 1].removed += edit.removed
        } else {
            append(edit)
        }
    }
}
