import CConnectToLinux
import Glibc
import SystemPackage

/// A mapped memfd: memory that can be passed to another process as a descriptor.
///
/// A descriptor from a peer is mapped only after its seals and size have been checked: if the peer could shrink the
/// file under the mapping, the next access would crash this process (SIGBUS).
///
/// `@unchecked Sendable`: the mapping's address and size never change, and this type never accesses the bytes. The
/// owner decides which thread may.
package final class SharedMemory: @unchecked Sendable {
    package enum Kind: Sendable, Equatable {
        /// Sealed against shrinking, growing and writing: the content never changes again.
        case frozen
        /// Sealed against shrinking and growing: every process that has the descriptor may write.
        case writable
    }

    package let kind: Kind
    package let descriptor: Descriptor
    package let bytes: UnsafeMutableRawBufferPointer

    private init(_ descriptor: Descriptor, size: Int, kind: Kind) throws(SystemError) {
        let protection = kind == .frozen ? PROT_READ : PROT_READ | PROT_WRITE
        let address: UnsafeMutableRawPointer? =
            size == 0 ? nil : mmap(nil, size, protection, MAP_SHARED, descriptor.rawValue, 0)
        if address == UnsafeMutableRawPointer(bitPattern: -1) {
            throw SystemError(operation: "mmap", errno: Errno(rawValue: errno))
        }
        self.kind = kind
        self.descriptor = descriptor
        bytes = UnsafeMutableRawBufferPointer(start: address, count: address == nil ? 0 : size)
    }

    deinit {
        if let address = bytes.baseAddress { munmap(address, bytes.count) }
    }

    /// Creates zeroed, writable memory of a fixed size.
    /// - Throws: ``SystemError``; EFBIG where `size` exceeds the process's limit for files (RLIMIT_FSIZE).
    package static func make(size: Int) throws(SystemError) -> SharedMemory {
        // Checked here, because the kernel would send SIGXFSZ, which kills the process.
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(bitPattern: RLIMIT_FSIZE.rawValue), &limit) == 0, size >= 0,
            rlim_t(size) > limit.rlim_cur
        {
            throw SystemError(operation: "ftruncate", errno: .fileTooLarge)
        }
        let descriptor = Descriptor(
            adopting: try systemCall("memfd_create") { clinux_memfd("connectto-buffer") })
        try systemCall("ftruncate") { ftruncate(descriptor.rawValue, size) }
        try systemCall("fcntl") {
            clinux_add_seals(descriptor.rawValue, CLINUX_SEAL_SHRINK | CLINUX_SEAL_GROW)
        }
        return try SharedMemory(descriptor, size: size, kind: .writable)
    }

    /// Seals the memory against writing, for ever.
    ///
    /// The kernel refuses the seal while any writable mapping exists. So this takes the descriptor, and its owner has
    /// to unmap the memory first. If the seal fails all the same, the receiver sees that it is missing.
    package static func freeze(_ descriptor: Descriptor) {
        _ = clinux_add_seals(descriptor.rawValue, CLINUX_SEAL_WRITE)
    }

    /// Maps memory that a peer sent; nil where its size or its seals are not those that the peer announced.
    package static func adopt(
        _ descriptor: Descriptor, size: Int, kind: Kind
    ) throws(SystemError) -> SharedMemory? {
        let seals = clinux_seals(descriptor.rawValue)
        let needed =
            kind == .frozen
            ? CLINUX_SEAL_SHRINK | CLINUX_SEAL_GROW | CLINUX_SEAL_WRITE
            : CLINUX_SEAL_SHRINK | CLINUX_SEAL_GROW
        // Only a memfd has seals.
        guard seals >= 0, seals & needed == needed else { return nil }
        if kind == .writable, seals & CLINUX_SEAL_WRITE != 0 { return nil }
        var status = stat()
        try systemCall("fstat") { fstat(descriptor.rawValue, &status) }
        guard status.st_size == size else { return nil }
        return try SharedMemory(descriptor, size: size, kind: kind)
    }
}
