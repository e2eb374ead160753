import ConnectToLinux

extension SharedState {
    /// A text of the state by its name, which is there as soon as something is written into it.
    public func text(_ name: String) -> SharedText {
        SharedText(state: self, key: StateKey(name))
    }

    func read<Result: Sendable>(_ text: StateKey, _ body: @Sendable (TextSequence) -> Result) -> Result {
        locked { body($0.document.texts[text]?.sequence ?? TextSequence()) }
    }

    /// Makes the edit that a closure chooses by what the text is.
    func edit(
        _ text: StateKey, _ choose: @Sendable (TextSequence) -> (range: Range<Int>, string: String)
    ) throws(StateError) {
        let fault: StateError? = locked { $0.isClosed } ? .closed : nil
        if let fault { throw fault }
        do throws(StateViolation) {
            try change { replication throws(StateViolation) in
                let edit = choose(replication.document.texts[text]?.sequence ?? TextSequence())
                return try replication.edit(text, edit.range, with: edit.string)
            }
        } catch {
            throw StateError(error)
        }
    }

    // MARK: Loops over the edits of a text

    /// Begins a loop over what is edited from now on.
    func addFeed(of text: StateKey) -> (string: String, feed: TextFeed) {
        let feed = TextFeed([])
        let string = locked { core in
            if core.isClosed { feed.end() } else { core.textFeeds[text, default: [:]][ObjectIdentifier(feed)] = feed }
            return core.document.texts[text]?.sequence.string ?? ""
        }
        return (string, feed)
    }

    func remove(_ feed: TextFeed, of text: StateKey) {
        locked { core in
            core.textFeeds[text]?[ObjectIdentifier(feed)] = nil
            if core.textFeeds[text]?.isEmpty == true { core.textFeeds[text] = nil }
        }
    }

    /// The whole text in place of the edits that a loop has not taken.
    ///
    /// - Parameter length: that of the string that the loop has.
    func takeWhole(_ text: StateKey, _ length: Int, _ feed: TextFeed) -> TextEdit {
        locked { core in
            // What has come since the loop has seen that it has to take the whole.
            feed.change { $0.removeAll() }
            return TextEdit(offset: 0, removed: length, inserted: core.document.texts[text]?.sequence.string ?? "")
        }
    }
}

extension StateCore {
    /// Puts edits before the loops over a text.
    ///
    /// - Returns: the loops that are to be woken.
    func tell(_ changes: [TextChange]) -> [TextFeed] {
        changes.flatMap { change -> [TextFeed] in
            guard let feeds = textFeeds[change.text]?.values else { return [] }
            let length = document.texts[change.text]?.sequence.utf16Count ?? 0
            for feed in feeds { feed.append(change.edits, length: length) }
            return Array(feeds)
        }
    }
}
