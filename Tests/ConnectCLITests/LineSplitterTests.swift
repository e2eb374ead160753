import Testing

@testable import ConnectCLI

@Suite struct LineSplitterTests {
    private func lines(_ chunks: [String], limit: Int = 100) throws -> [String] {
        var splitter = LineSplitter(limit: limit)
        var lines: [[UInt8]] = []
        for chunk in chunks {
            splitter.append(Array(chunk.utf8))
            while let line = try splitter.next() { lines.append(line) }
        }
        if let rest = try splitter.rest() { lines.append(rest) }
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("Lines end at newlines, wherever the chunks do")
    func chunks() throws {
        #expect(try lines(["a\nbc\n"]) == ["a", "bc"])
        #expect(try lines(["a", "\nb", "c", "\n"]) == ["a", "bc"])
    }

    @Test("A last line without a newline counts, an empty one is none")
    func last() throws {
        #expect(try lines(["a\nb"]) == ["a", "b"])
        #expect(try lines(["a\n"]) == ["a"])
        #expect(try lines([]) == [])
    }

    @Test("An empty line is a line, and a carriage return belongs to its line")
    func bytes() throws {
        #expect(try lines(["\n\na\r\n"]) == ["", "", "a\r"])
    }

    @Test("A line up to the limit passes, a longer one throws, ended or not")
    func limit() throws {
        #expect(try lines(["abc\nabc"], limit: 3) == ["abc", "abc"])
        #expect(throws: LineSplitter.TooLong(limit: 3)) { try lines(["abcd\n"], limit: 3) }
        #expect(throws: LineSplitter.TooLong(limit: 3)) { try lines(["ab", "cd"], limit: 3) }
    }
}
