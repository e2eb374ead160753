import CConnectToLinux
import ConnectToLinux
import Glibc
import SystemPackage

/// Copies a regular file into a new, empty one: inside the kernel if possible, and with the holes that the file has.
/// (`FileManager` copies from a path to a path, and reports no progress.)
///
/// Reads from the beginning of the file, and neither uses nor moves its offset, because the process that passed the
/// file shares that offset.
struct FileCopy: ~Copyable {
    /// Bytes per copy_file_range call: few enough that a slow disk still shows progress.
    private static let piece = 16 << 20
    /// Bytes per read, where the bytes go through this process and may come from a slower source.
    private static let chunk = 256 << 10

    private let source: Int32
    private let target: Int32
    private let size: Int
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunk, alignment: 4096)
    private var done = 0
    private var staysInKernel = true

    /// - Parameter size: the most to copy, in bytes. The process that passed the file may go on writing to it for ever.
    init(from source: Int32, to target: Int32, size: Int) {
        self.source = source
        self.target = target
        self.size = size
    }

    deinit { room.deallocate() }

    /// - Parameter progress: called with the number of bytes that are done; ends the copying if it throws.
    /// - Returns: the number of bytes copied, which is less than the size if the file has become shorter.
    mutating func run(_ progress: (Int) throws(SystemError) -> Void) throws(SystemError) -> Int {
        let seekable = Self.reopened(source)
        var written = 0
        while done < size {
            let data = try nextData(in: seekable)
            done = data.lowerBound
            while done < data.upperBound {
                let count = try copy(data.upperBound - done)
                if count == 0 { return done }
                done += count
                written = done
                try progress(done)
            }
        }
        // The file ends with a hole, unless it was truncated meanwhile.
        if written < size {
            var status = stat()
            try systemCall("fstat") { fstat(source, &status) }
            if status.st_size < size { return max(written, Int(status.st_size)) }
            try systemCall("ftruncate") { ftruncate(target, off_t(size)) }
        }
        return size
    }

    // MARK: Holes

    /// The next range of data. It is empty, at the end of the file, if only a hole is left.
    private func nextData(in file: Descriptor?) throws(SystemError) -> Range<Int> {
        guard let file else { return done..<size }
        let begin = lseek(file.rawValue, off_t(done), CLINUX_SEEK_DATA)
        if begin < 0 { return errno == ENXIO ? size..<size : done..<size }
        let end = lseek(file.rawValue, begin, CLINUX_SEEK_HOLE)
        // A file system may return any offsets, but each range has to take the copy forward.
        let first = min(max(Int(begin), done), size)
        return first..<(end > first ? min(Int(end), size) : size)
    }

    /// The file, opened again for an offset of its own to seek with. Nil if it cannot be opened; its holes are then
    /// copied as data.
    private static func reopened(_ file: Int32) -> Descriptor? {
        // Only a file that the descriptor itself can read: opening it again uses this process's rights, not the
        // sender's.
        let flags = fcntl(file, F_GETFL)
        guard flags >= 0, flags & CLINUX_O_PATH == 0, flags & O_ACCMODE != O_WRONLY else { return nil }
        // O_NONBLOCK keeps open from waiting for another process that holds a lease on the file.
        let number = open("/proc/self/fd/\(file)", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        return number < 0 ? nil : Descriptor(adopting: number, from: .peer)
    }

    // MARK: Bytes

    /// Copies some bytes at the position that the copy has reached. Returns 0 at the end of the file.
    private mutating func copy(_ wanted: Int) throws(SystemError) -> Int {
        if staysInKernel {
            let count = try? systemCall("copy_file_range") {
                clinux_copy_range(source, target, Int64(done), min(wanted, Self.piece))
            }
            if let count, count > 0 { return count }
            // copy_file_range does not work between these file systems. Any other error shows again in pread or pwrite.
            staysInKernel = false
        }
        let count = try systemCall("pread") {
            pread(source, room.baseAddress, min(wanted, room.count), off_t(done))
        }
        var written = 0
        while written < count {
            let rest = UnsafeRawBufferPointer(rebasing: room[written..<count])
            written += try systemCall("pwrite") {
                pwrite(target, rest.baseAddress, rest.count, off_t(done + written))
            }
        }
        return count
    }
}
