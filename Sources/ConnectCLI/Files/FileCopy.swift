import CConnectToLinux
import ConnectToLinux
import Glibc
import SystemPackage

/// Copies a regular file into a new, empty one: inside the kernel where it can, and with the holes that the file has.
///
/// Reads from the file's beginning, wherever its offset is, and leaves that where it is: whoever passed the file
/// shares it.
struct FileCopy: ~Copyable {
    /// Bytes a call: few enough that a slow disk is seen to get on.
    private static let piece = 16 << 20
    /// The same where bytes go through this process, and may come from anywhere.
    private static let chunk = 256 << 10

    private let source: Int32
    private let target: Int32
    private let size: Int
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunk, alignment: 4096)
    private var done = 0
    private var staysInKernel = true

    /// - Parameter size: how many bytes at the most: whoever passed the file may go on writing it for ever.
    init(from source: Int32, to target: Int32, size: Int) {
        self.source = source
        self.target = target
        self.size = size
    }

    deinit { room.deallocate() }

    /// - Parameter progress: is told how many bytes are done, and ends the copying if it throws.
    /// - Returns: how many bytes came: fewer than the size where the file has become shorter.
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
        // It ends with a hole, unless it ends sooner by now.
        if written < size {
            var status = stat()
            try systemCall("fstat") { fstat(source, &status) }
            if status.st_size < size { return max(written, Int(status.st_size)) }
            try systemCall("ftruncate") { ftruncate(target, off_t(size)) }
        }
        return size
    }

    // MARK: Holes

    /// The next bytes that are no hole; empty, and at the end, where only a hole is left.
    private func nextData(in file: Descriptor?) throws(SystemError) -> Range<Int> {
        guard let file else { return done..<size }
        let begin = lseek(file.rawValue, off_t(done), CLINUX_SEEK_DATA)
        if begin < 0 { return errno == ENXIO ? size..<size : done..<size }
        let end = lseek(file.rawValue, begin, CLINUX_SEEK_HOLE)
        // A file system may say anything; but each run has to bring the copy on.
        let first = min(max(Int(begin), done), size)
        return first..<(end > first ? min(Int(end), size) : size)
    }

    /// The file with an offset of its own to seek with; nil where there is none to be had, and holes are not found.
    private static func reopened(_ file: Int32) -> Descriptor? {
        // Only what may be read as it is: to open it anew takes our rights, and not those of whoever passed it.
        let flags = fcntl(file, F_GETFL)
        guard flags >= 0, flags & CLINUX_O_PATH == 0, flags & O_ACCMODE != O_WRONLY else { return nil }
        // Where somebody has a lease on it, O_NONBLOCK keeps us from waiting for that.
        let number = open("/proc/self/fd/\(file)", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        return number < 0 ? nil : Descriptor(adopting: number, from: .peer)
    }

    // MARK: Bytes

    /// Copies some bytes at the place that is reached; 0 at the end of the file.
    private mutating func copy(_ wanted: Int) throws(SystemError) -> Int {
        if staysInKernel {
            let count = try? systemCall("copy_file_range") {
                clinux_copy_range(source, target, Int64(done), min(wanted, Self.piece))
            }
            if let count, count > 0 { return count }
            // Not between these file systems; or else reading and writing says what is wrong.
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
