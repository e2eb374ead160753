import ConnectToLinux

/// Memory that is passed to another process without being copied.
///
/// There are two kinds. A buffer that *moves* is filled here, then passed: from then on no process can write it, and
/// every receiver reads the same bytes (like a transferred ArrayBuffer). A buffer that is *shared* stays usable on both
/// sides, and both may write it at any time; the programs themselves have to keep order in it (like a
/// SharedArrayBuffer).
public final class SharedBuffer: Sendable {
    /// Whether a buffer may be written by several programs at once: one of the constants. Later versions may add modes,
    /// so a `switch` needs a default.
    public struct Mode: Sendable, Hashable, CustomStringConvertible {
        /// The buffer goes to the receiver, which can only read it.
        public static let moves = Mode(description: "moves")
        /// Both sides have the buffer, to read and write.
        public static let shared = Mode(description: "shared")

        /// The mode as it stands in logs.
        public let description: String
    }

    /// Whether the buffer moves or is shared.
    public let mode: Mode
    /// The size in bytes; it never changes.
    public let count: Int
    private let memory: Lock<SharedMemory?>

    /// Makes a buffer of zeroed memory.
    ///
    /// - Parameters:
    ///   - count: the size in bytes; a negative size counts as 0. A receiver takes up to 1 GiB unless it has set
    ///     another limit (``PortLimits/bufferSize``), which its peers cannot know: a larger buffer ends the port on
    ///     which it was posted, there with ``CloseReason/Code/protocolError``.
    ///   - mode: whether the buffer moves or is shared.
    /// - Throws: ``PortError`` with ``PortError/Code/outOfResources`` where there is no memory or descriptor.
    public init(count: Int, mode: Mode = .moves) throws(PortError) {
        do throws(SystemError) {
            memory = Lock(try SharedMemory.make(size: max(0, count)))
        } catch {
            throw .outOfResources("shared memory of \(count) bytes could not be made", error)
        }
        self.mode = mode
        self.count = max(0, count)
    }

    /// Makes a buffer with a copy of bytes: an array, a slice, Foundation's `Data`, the bytes of a message.
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/outOfResources`` where there is no memory or descriptor.
    public convenience init(copying bytes: some Collection<UInt8>, mode: Mode = .moves) throws(PortError) {
        try self.init(count: bytes.count, mode: mode)
        _ = withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
    }

    init(_ memory: SharedMemory) {
        self.memory = Lock(memory)
        mode = memory.kind == .frozen ? .moves : .shared
        count = memory.bytes.count
    }

    /// Whether the buffer has been given away or closed.
    public var isDetached: Bool { memory.withLock { $0 == nil } }

    /// Whether the buffer can be written. False for a buffer that has moved.
    public var isWritable: Bool { memory.withLock { $0?.kind == .writable } }

    /// Lends the bytes for reading. The bytes of a shared buffer may change meanwhile.
    /// - Returns: nil where the buffer has been given away.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result? {
        guard let memory = memory.withLock({ $0 }) else { return nil }
        defer { withExtendedLifetime(memory) {} }
        return try body(UnsafeRawBufferPointer(memory.bytes))
    }

    /// Lends the bytes for writing.
    ///
    /// Several threads may read and write at the same time: they get the same bytes, and have to keep order among
    /// themselves. Meanwhile a buffer that moves cannot be posted (``PortError/Code/notTransferable``).
    /// - Returns: nil where the buffer has been given away, or was moved here by another program.
    public func withUnsafeMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result? {
        guard let memory = memory.withLock({ $0 }), memory.kind == .writable else { return nil }
        defer { withExtendedLifetime(memory) {} }
        return try body(memory.bytes)
    }

    // MARK: Giving it away

    /// Releases the memory here, also where other code has a reference to the buffer; it is detached then. Memory that is
    /// lent at this moment stays until the closures have returned. Other processes that have the memory keep it.
    public func close() {
        let memory = memory.withLock { memory in
            defer { memory = nil }
            return memory
        }
        // Unmap outside of the lock.
        withExtendedLifetime(memory) {}
    }

    /// Takes the memory out, so that no code in this process can touch it any more.
    /// - Returns: nil where the memory is gone, or code is using the bytes at this moment.
    func detach() -> SharedMemory? {
        memory.withLock { memory in
            guard memory != nil, isKnownUniquelyReferenced(&memory) else { return nil }
            defer { memory = nil }
            return memory
        }
    }

    /// Puts the memory back when the message could not be posted.
    func putBack(_ detached: SharedMemory) {
        memory.withLock { $0 = detached }
    }

    /// The descriptor of a shared buffer, which stays usable here.
    var sharedDescriptor: Descriptor? { memory.withLock { $0?.descriptor } }
}
