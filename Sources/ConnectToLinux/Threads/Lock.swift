/// A value, and the lock that guards it.
///
/// What the standard library's `Mutex` is, on a ``BiasedMutex``: a thread that has it to itself pays next to nothing,
/// under contention it spins for a moment where that one has the kernel hand it over each time, and the thread
/// sanitizer knows what it is.
///
/// Public, and so inlined in other modules: what is `package` was not, and each use was a generic call.
///
/// Not recursive. `@unchecked Sendable`: the value is reached through ``withLock(_:)`` only, by one thread at a time.
public struct Lock<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    @usableFromInline let mutex: BiasedMutex
    @usableFromInline let value: UnsafeMutablePointer<Value>

    public init(_ value: consuming sending Value) {
        // The mutex stands behind the value, in one piece of memory.
        // Even behind one of no size, so that they have an address each.
        let offset = max(1, MemoryLayout<Value>.size).roundedUp(toMultipleOf: BiasedMutex.alignment)
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: offset + BiasedMutex.size,
            alignment: max(MemoryLayout<Value>.alignment, BiasedMutex.alignment))
        self.value = memory.bindMemory(to: Value.self, capacity: 1)
        mutex = BiasedMutex(in: memory + offset)
        self.value.initialize(to: value)
    }

    deinit {
        mutex.destroy()
        value.deinitialize(count: 1)
        UnsafeMutableRawPointer(value).deallocate()
    }

    /// Calls a closure with the value, on this thread, once no other has it.
    @inlinable @inline(__always)
    public borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        mutex.lock()
        defer { mutex.unlock() }
        return try body(&value.pointee)
    }
}

extension Int {
    fileprivate func roundedUp(toMultipleOf unit: Int) -> Int { (self + unit - 1) / unit * unit }
}
