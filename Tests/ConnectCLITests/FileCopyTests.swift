import CConnectToLinux
import ConnectToLinux
import ConnectToTesting
import Glibc
import SystemPackage
import Testing

@testable import ConnectCLI

@Suite("Copying a received file", .privateBus, .timeLimit(.minutes(1))) struct FileCopyTests {
    /// In memory, or in a directory of the test's own: the kernel copies within one file system, and else this process.
    enum Place: CaseIterable { case memory, directory }

    private static let unit = 64 << 10

    private func file(in place: Place) throws -> Descriptor {
        let number: Int32 =
            switch place {
            case .memory: clinux_memfd("source")
            case .directory:
                open(try PrivateBus.current.directory, O_RDWR | O_CLOEXEC | CLINUX_O_TMPFILE, 0o600)
            }
        return Descriptor(adopting: try systemCall("open") { number })
    }

    private func status(_ file: Descriptor) throws -> stat {
        var status = stat()
        try systemCall("fstat") { fstat(file.rawValue, &status) }
        return status
    }

    private func contents(_ file: Descriptor) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 1, count: Int(try status(file).st_size))
        let count = bytes.withUnsafeMutableBytes { pread(file.rawValue, $0.baseAddress, $0.count, 0) }
        #expect(count == bytes.count)
        return bytes
    }

    /// `x` is a unit of data, `.` of a hole; the last one is cut short.
    private func fill(_ file: Descriptor, _ layout: String) throws {
        try systemCall("ftruncate") { ftruncate(file.rawValue, off_t(layout.count * Self.unit - 10)) }
        for (index, kind) in layout.enumerated() where kind == "x" {
            let length = index == layout.count - 1 ? Self.unit - 10 : Self.unit
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ index) }
            try systemCall("pwrite") { pwrite(file.rawValue, bytes, length, off_t(index * Self.unit)) }
        }
    }

    @Test(
        "Copying a file brings all bytes, keeps all holes, and leaves the sender's offset alone",
        arguments: Place.allCases,
        ["x", ".", "x.", ".x", "xx..xx", "..xx..", ".x.x.x.", "x......................x"])
    func copyKeepsBytesHolesAndOffset(_ place: Place, _ layout: String) throws {
        let (source, target) = (try file(in: place), try file(in: .directory))
        try fill(source, layout)
        lseek(source.rawValue, 7, SEEK_SET)
        let size = Int(try status(source).st_size)
        var copy = FileCopy(from: source.rawValue, to: target.rawValue, size: size)
        var last = 0
        #expect(try copy.run { done throws(SystemError) in last = done } == size)
        #expect(try contents(target) == contents(source))
        #expect(try status(target).st_blocks <= status(source).st_blocks)
        #expect(lseek(source.rawValue, 0, SEEK_CUR) == 7)
        #expect(layout.last == "." || last == size)
    }

    @Test(
        "Copying a file that is cut short meanwhile returns how many bytes came", arguments: Place.allCases,
        ["data", "hole"])
    func copyOfACutFileCountsItsBytes(_ place: Place, _ end: String) throws {
        let (source, target) = (try file(in: place), try file(in: .directory))
        // More than a call copies, so that there is a middle.
        let size = 40 << 20
        let bytes = [UInt8](repeating: 7, count: end == "data" ? size : 17 << 20)
        try systemCall("write") { write(source.rawValue, bytes, bytes.count) }
        try systemCall("ftruncate") { ftruncate(source.rawValue, off_t(size)) }
        var copy = FileCopy(from: source.rawValue, to: target.rawValue, size: size)
        let count = try copy.run { _ throws(SystemError) in _ = ftruncate(source.rawValue, 1000) }
        #expect(count < size)
    }
}
