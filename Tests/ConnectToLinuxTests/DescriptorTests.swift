import ConnectToLinux
import ConnectToTesting
import Glibc
import SystemPackage
import Testing

@Suite("A descriptor")
struct DescriptorTests {
    @Test("A descriptor is closed when its last reference is released")
    func closedWithLastReference() async throws {
        try await expectNoDescriptorLeak {
            var descriptor: Descriptor? = Descriptor(adopting: open("/proc/version", O_RDONLY | O_CLOEXEC))
            let other = descriptor
            descriptor = nil
            let number = try #require(other).rawValue
            let open = try OpenDescriptor.all()
            #expect(open.contains { $0.number == number })
        }
    }

    @Test("A peer's descriptor is closed on another thread, and a test can wait for that")
    func peersDescriptorClosedOnAnotherThread() throws {
        let (near, far) = try StreamSocket.pair()
        var fromPeer: Descriptor? = Descriptor(adopting: dup(far.descriptor.rawValue), from: .peer)
        let copy = try #require(fromPeer).rawValue
        fromPeer = nil
        Descriptor.waitUntilAllAreClosed()
        // A parallel test may have opened another file under this number, but not this socket.
        #expect(try inode(of: copy) != inode(of: far.descriptor.rawValue))
        withExtendedLifetime(near) {}
    }

    @Test("A duplicate of a descriptor has a number of its own, and is close-on-exec")
    func duplicateIsCloseOnExec() throws {
        let original = Descriptor(adopting: open("/proc/version", O_RDONLY))
        let copy = try original.duplicate()
        #expect(copy.rawValue != original.rawValue)
        #expect(try systemCall("fcntl") { fcntl(copy.rawValue, F_GETFD) } & FD_CLOEXEC != 0)
    }

    @Test("Duplicating an invalid descriptor fails with EBADF")
    func duplicatingInvalidDescriptor() {
        let none = Descriptor(adopting: -1)
        #expect(throws: SystemError(operation: "dup", errno: .badFileDescriptor)) { try none.duplicate() }
    }

    /// The inode of an open file, to tell files apart; nil for a closed descriptor.
    private func inode(of number: Int32) throws -> ino_t? {
        var status = stat()
        do {
            try systemCall("fstat") { fstat(number, &status) }
            return status.st_ino
        } catch {
            if error.errno == .badFileDescriptor { return nil }
            throw error
        }
    }
}
