import CConnectToLinux
import Glibc
import SystemPackage

/// A mapped memfd: memory that can be passed on as a descriptor.
///
/// Nothing that comes from a peer is mapped before its seals and size have been checked: a file that could
/// shrink under the mapping would crash whoever touches it (SIGBUS).
///
/// `@unchecked Sendable`: the mapping's address and size never change. What is in it belongs to whoever the
/// owner says it does; the type itself never touches it.
package final class SharedMemory: @unchecked Sendable {
    package enum Kind: Sendable, Equatable {
        /// Sealed against shrinking, growing and writing: nobody will ever change it.
        case frozen
        /// Sealed against shrinking and growing: all who have it may write.
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

    /// Fresh memory, zeroed and writable, of a size that is settled.
    /// - Throws: ``SystemError``; EFBIG for more than the process's limit of file sizes (RLIMIT_FSIZE).
    package static func make(size: Int) throws(SystemError) -> SharedMemory {
        // Asked before: the kernel would say it by SIGXFSZ, of which a process dies.
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

    /// Settles that the memory is never written again.
    ///
    /// The kernel does it only once nobody has the memory mapped for writing; so this is given the descriptor,
    /// and its owner has let the mapping go. Where it fails all the same, the receiver will see that.
    package static func freeze(_ descriptor: Descriptor) {
        _ = clinux_add_seals(descriptor.rawValue, CLINUX_SEAL_WRITE)
    }

    /// Maps what a peer sent, if it is what the peer says; nil if it is not.
    package static func adopt(
        _ descriptor: Descriptor, size: Int, kind: Kind
    ) throws(SystemError) -> SharedMemory? {
        let seals = clinux_seals(descriptor.rawValue)
        let needed =
            kind == .frozen
            ? CLINUX_SEAL_SHRINK | CLINUX_SEAL_GROW | CLINUX_SEAL_WRITE
            : CLINUX_SEAL_SHRINK | CLINUX_SEAL_GROW
        // Anything but a memfd has no seals at all.
        guard seals >= 0, seals & needed == needed else { return nil }
        if kind == .writable, seals & CLINUX_SEAL_WRITE != 0 { return nil }
        var status = stat()
        try systemCall("fstat") { fstat(descriptor.rawValue, &status) }
        guard status.st_size == size else { return nil }
        return try SharedMemory(descriptor, size: size, kind: kind)
    }
}
