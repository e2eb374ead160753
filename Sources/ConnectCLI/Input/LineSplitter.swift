import Glibc

/// Cuts a stream of bytes into lines at `\n`, byte for byte: a `\r` belongs to its line.
///
/// Holds what is of an unfinished line, up to the limit and one chunk more.
struct LineSplitter {
    /// A line that is longer than a message may be.
    struct TooLong: Error, Equatable {
        let limit: Int
    }

    /// 64 MiB, what every receiver takes in one message.
    static let defaultLimit = 64 << 20

    private let limit: Int
    private var buffer: [UInt8] = []
    /// Where the first line not yet handed out begins.
    private var start = 0
    /// Up to where it is known that no newline stands.
    private var searched = 0

    /// Bytes of what has not been handed out.
    var held: Int { buffer.count - start }

    /// - Parameter limit: the longest line, in bytes without its newline.
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

    /// The next whole line, or `nil` where its end has not arrived.
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

    /// What stands behind the last newline, once nothing more will come; `nil` where that is nothing.
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
