import ConnectToLinux
import ConnectToTesting
import Glibc
import SystemPackage
import Testing

@Suite("A descriptor")
struct DescriptorTests {
    @Test("is closed with its last owner")
    func closedAtTheEnd() async throws {
        try await expectNoDescriptorLeak {
            var descriptor: Descriptor? = Descriptor(adopting: open("/proc/version", O_RDONLY | O_CLOEXEC))
            let other = descriptor
            descriptor = nil
            let number = try #require(other).rawValue
            let open = try OpenDescriptor.all()
            #expect(open.contains { $0.number == number })
        }
    }

    @Test("from a peer is closed elsewhere, and one can wait for that")
    func closedElsewhere() throws {
        let (near, far) = try StreamSocket.pair()
        var fromPeer: Descriptor? = Descriptor(adopting: dup(far.descriptor.rawValue), from: .peer)
        let copy = try #require(fromPeer).rawValue
        fromPeer = nil
        Descriptor.settleClosing()
        // Nobody else here closes numbers of this test: whatever has it now, if anything, is not that socket.
        #expect(try inode(of: copy) != inode(of: far.descriptor.rawValue))
        withExtendedLifetime(near) {}
    }

    @Test("has duplicates of its own, closed on exec")
    func duplicates() throws {
        let original = Descriptor(adopting: open("/proc/version", O_RDONLY))
        let copy = try original.duplicate()
        #expect(copy.rawValue != original.rawValue)
        #expect(try systemCall("fcntl") { fcntl(copy.rawValue, F_GETFD) } & FD_CLOEXEC != 0)
    }

    @Test("that is none has no duplicate")
    func noDuplicate() {
        let none = Descriptor(adopting: -1)
        #expect(throws: SystemError(operation: "dup", errno: .badFileDescriptor)) { try none.duplicate() }
    }

    /// Tells open files apart; nil for a closed number.
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
