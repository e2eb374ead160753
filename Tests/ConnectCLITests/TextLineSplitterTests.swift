import Testing

@testable import ConnectCLI

@Suite("Splitting input into text lines") struct TextLineSplitterTests {
    private func lines(_ chunks: [String], limit: Int = 100) throws -> [String] {
        var splitter = TextLineSplitter(limit: limit)
        var lines: [[UInt8]] = []
        for chunk in chunks {
            splitter.append(Array(chunk.utf8))
            while let line = try splitter.next() { lines.append(line) }
        }
        if let rest = try splitter.rest() { lines.append(rest) }
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("Text lines end at newlines, wherever the chunks of input end")
    func linesEndAtNewlinesInAnyChunk() throws {
        #expect(try lines(["a\nbc\n"]) == ["a", "bc"])
        #expect(try lines(["a", "\nb", "c", "\n"]) == ["a", "bc"])
    }

    @Test("A last text line without a newline counts, and an empty rest does not")
    func lastLineNeedsNoNewline() throws {
        #expect(try lines(["a\nb"]) == ["a", "b"])
        #expect(try lines(["a\n"]) == ["a"])
        #expect(try lines([]) == [])
    }

    @Test("An empty text line counts, and a carriage return belongs to its text line")
    func emptyLinesAndCarriageReturnsAreKept() throws {
        #expect(try lines(["\n\na\r\n"]) == ["", "", "a\r"])
    }

    @Test("A text line of the limit's length passes, and a longer one throws, ended or not")
    func lineOverTheLimitThrows() throws {
        #expect(try lines(["abc\nabc"], limit: 3) == ["abc", "abc"])
        #expect(throws: TextLineSplitter.TooLong(limit: 3)) { try lines(["abcd\n"], limit: 3) }
        #expect(throws: TextLineSplitter.TooLong(limit: 3)) { try lines(["ab", "cd"], limit: 3) }
    }
}
