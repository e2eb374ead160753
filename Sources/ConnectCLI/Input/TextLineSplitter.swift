import Glibc

/// Splits a stream of bytes into text lines at `\n`, and keeps all other bytes: a `\r` belongs to its text line.
///
/// Not getline(3), which waits for the rest of a text line, nor Foundation's `AsyncLineSequence`, which drops bytes.
///
/// Holds an unfinished text line in memory, up to the limit and one chunk more.
struct TextLineSplitter {
    /// A text line is longer than a message may be.
    struct TooLong: Error, Equatable {
        let limit: Int
    }

    /// 64 MiB, which every receiver accepts in one message.
    static let defaultLimit = 64 << 20

    private let limit: Int
    private var buffer: [UInt8] = []
    /// The offset of the first text line that has not been returned.
    private var start = 0
    /// No newline stands between `start` and this offset.
    private var searched = 0

    /// How many bytes have not been returned.
    var held: Int { buffer.count - start }

    /// - Parameter limit: the length of the longest text line, in bytes without its newline.
    init(limit: Int = Self.defaultLimit) {
        self.limit = limit
    }

    mutating func append(_ chunk: some Collection<UInt8>) {
        if start > 0 {
            buffer.removeSubrange(..<start)
            searched -= start
            start = 0
        }
        buffer.append(contentsOf: chunk)
    }

    /// The next complete text line, or `nil` if its end has not arrived.
    mutating func next() throws(TooLong) -> [UInt8]? {
        guard let end = newline() else {
            searched = buffer.count
            if buffer.count - start > limit { throw TooLong(limit: limit) }
            return nil
        }
        if end - start > limit { throw TooLong(limit: limit) }
        let line = Array(buffer[start..<end])
        start = end + 1
        searched = start
        return line
    }

    /// The text line without a newline at the end of the input. Call this when no more bytes will come; `nil` if none
    /// are left.
    mutating func rest() throws(TooLong) -> [UInt8]? {
        if let line = try next() { return line }
        if start == buffer.count { return nil }
        let line = Array(buffer[start...])
        buffer = []
        start = 0
        searched = 0
        return line
    }

    private func newline() -> Int? {
        buffer.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, searched < bytes.count,
                let found = memchr(base + searched, 0x0A, bytes.count - searched)
            else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }
}
