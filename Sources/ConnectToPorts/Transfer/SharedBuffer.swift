import ConnectToLinux

/// Memory that goes to another process without being copied.
///
/// Two kinds. One that *moves* is filled here, then passed: from then on nobody can write it, and every
/// receiver reads the same bytes (an ArrayBuffer that was transferred). One that is *shared* stays usable on
/// both sides, and both may write it at any time; what is in it is then only as orderly as the programs make
/// it (a SharedArrayBuffer).
public final class SharedBuffer: Sendable {
    /// Whether a buffer may be written by several at once: one of the constants. New ones may come, so a `switch` needs
    /// a default.
    public struct Mode: Sendable, Hashable, CustomStringConvertible {
        /// The receiver alone has it, to read.
        public static let moves = Mode(description: "moves")
        /// Both have it, to read and write.
        public static let shared = Mode(description: "shared")

        /// The mode as it stands in logs.
        public let description: String
    }

    /// Whether it moves or is shared.
    public let mode: Mode
    /// In bytes; settled at birth.
    public let count: Int
    private let memory: Lock<SharedMemory?>

    /// Zeroed memory.
    ///
    /// - Parameters:
    ///   - count: in bytes; what is negative counts as 0. A receiver takes up to 1 GiB unless it has set another limit
    ///     (``PortLimits/bufferSize``), which its peers cannot know: a larger buffer ends the port on which it was
    ///     posted, there with ``CloseReason/Code/protocolError``.
    ///   - mode: whether it moves or is shared.
    /// - Throws: ``PortError`` with ``PortError/Code/outOfResources`` where there is no memory or descriptor.
    public init(count: Int, mode: Mode = .moves) throws(PortError) {
        do throws(SystemError) {
            memory = Lock(try SharedMemory.make(size: max(0, count)))
        } catch {
            throw .outOfResources("no shared memory of \(count) bytes", error)
        }
        self.mode = mode
        self.count = max(0, count)
    }

    init(_ memory: SharedMemory) {
        self.memory = Lock(memory)
        mode = memory.kind == .frozen ? .moves : .shared
        count = memory.bytes.count
    }

    /// Whether it has been given away.
    public var isDetached: Bool { memory.withLock { $0 == nil } }

    /// Whether it can be written: not one that has moved.
    public var isWritable: Bool { memory.withLock { $0?.kind == .writable } }

    /// Lends the bytes for reading. Of a shared buffer they may change meanwhile.
    /// - Returns: nil where the buffer has been given away.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result? {
        guard let memory = memory.withLock({ $0 }) else { return nil }
        defer { withExtendedLifetime(memory) {} }
        return try body(UnsafeRawBufferPointer(memory.bytes))
    }

    /// Lends the bytes for writing.
    ///
    /// Several threads may do so, and read, at the same time: they get the same bytes, and keep the order between them
    /// themselves. A buffer that moves cannot be posted meanwhile (``PortError/Code/notTransferable``).
    /// - Returns: nil where the buffer has been given away, or came from elsewhere by moving.
    public func withUnsafeMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result? {
        guard let memory = memory.withLock({ $0 }), memory.kind == .writable else { return nil }
        defer { withExtendedLifetime(memory) {} }
        return try body(memory.bytes)
    }

    // MARK: Giving it away

    /// Takes the memory out, so that nobody here can touch it any more.
    /// - Returns: nil where it is gone, or somebody is using the bytes just now.
    func take() -> SharedMemory? {
        memory.withLock { memory in
            guard memory != nil, isKnownUniquelyReferenced(&memory) else { return nil }
            defer { memory = nil }
            return memory
        }
    }

    /// The reverse, when the message could not be posted after all.
    func putBack(_ taken: SharedMemory) {
        memory.withLock { $0 = taken }
    }

    /// The descriptor of a buffer that stays.
    var sharedDescriptor: Descriptor? { memory.withLock { $0?.descriptor } }
}
