import ConnectToLinux
import Glibc

extension PoolWorker {
    /// Whether its process has more memory resident than it may; false where there is no limit, and where the kernel
    /// does not tell.
    func usesMore(than limit: Int?) -> Bool {
        guard let limit, let process, let used = residentMemory(of: process.processID) else { return false }
        return used > limit
    }
}

/// The resident memory of a process in bytes, from `/proc/PID/statm`; nil where the file cannot be read.
func residentMemory(of processID: Int32) -> Int? {
    guard let number = try? systemCall("open", { open("/proc/\(processID)/statm", O_RDONLY | O_CLOEXEC) }) else {
        return nil
    }
    let file = Descriptor(adopting: number)
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = bytes.withUnsafeMutableBytes { read(file.rawValue, $0.baseAddress, $0.count) }
    guard count > 0 else { return nil }
    // Pages: in all, then resident.
    let fields = bytes.prefix(count).split(separator: UInt8(ascii: " "))
    guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else { return nil }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
}
