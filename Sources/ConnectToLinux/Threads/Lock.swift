/// A value and the lock that guards it.
///
/// It does what the standard library's `Mutex` does, on a ``BiasedMutex``. Three reasons: a thread that alone uses it
/// pays next to nothing; under contention a thread spins for a moment, where `Mutex` has the kernel hand the lock over
/// each time; and the thread sanitizer understands it.
///
/// Public, because then it is inlined in other modules: as `package` it was not, and each use was a generic call.
///
/// Not recursive. `@unchecked Sendable`: only ``withLock(_:)`` reaches the value, on one thread at a time.
public struct Lock<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    @usableFromInline let mutex: BiasedMutex
    @usableFromInline let value: UnsafeMutablePointer<Value>

    public init(_ value: consuming sending Value) {
        // The mutex lies behind the value in one block of memory. A value of size 0 gets one byte, so that the two
        // addresses differ.
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

    /// Locks, and calls a closure with the value on this thread.
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
