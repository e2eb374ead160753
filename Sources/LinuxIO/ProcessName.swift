import Glibc

/// What a process calls itself: `/proc/PID/comm`, up to 15 bytes; nil where it cannot be read.
package func processName(of pid: Int32) -> String? {
    let descriptor = open("/proc/\(pid)/comm", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    let file = Descriptor(adopting: descriptor)
    var bytes = [UInt8](repeating: 0, count: 64)
    guard let count = try? systemCall("read", { read(file.rawValue, &bytes, bytes.count) }) else {
        return nil
    }
    return String(decoding: bytes.prefix(count).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
}
