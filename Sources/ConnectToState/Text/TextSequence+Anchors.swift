/// A place in a text that stays beside the character that it was beside, whatever is written before or after it.
struct TextAnchor: Hashable, Sendable {
    /// Nil: the beginning of the text, or its end.
    var character: Dot?
    /// Which side of the place the character is on. Of the beginning it is the left side, of the end the right one.
    var side: TextSide
}

extension TextSequence {
    /// - Parameters:
    ///   - offset: in UTF-16 code units, between characters.
    ///   - side: whether the place stays beside the character before it or after it.
    func anchor(at offset: Int, beside side: TextSide) -> TextAnchor {
        switch side {
        case .left:
            guard offset > 0 else { return TextAnchor(character: nil, side: .left) }
            let (run, inside) = self.run(endingAt: offset)
            let count = UInt64(count(in: self[run], upTo: inside))
            return TextAnchor(character: dot(self[run].author, self[run].start + count - 1), side: .left)
        case .right:
            guard offset < utf16Count else { return TextAnchor(character: nil, side: .right) }
            let (run, inside) = self.run(at: offset)
            let count = UInt64(count(in: self[run], upTo: inside))
            return TextAnchor(character: dot(self[run].author, self[run].start + count), side: .right)
        }
    }

    /// The offset of a place; where its character is gone, where that was. Nil: the character has not come here.
    func offset(of anchor: TextAnchor) -> Int? {
        guard let dot = anchor.character else { return anchor.side == .left ? 0 : utf16Count }
        guard case let run = run(of: dot), run != 0 else { return nil }
        let before = dot.counter - self[run].start + (anchor.side == .left ? 1 : 0)
        return utf16Offset(of: run) + Int(length(of: self[run], upTo: Int32(before)).utf16)
    }
}
