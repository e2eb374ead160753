import ConnectToLinux
import Glibc

/// The process that has a lock on a file (flock); nil where the kernel does not tell it: the process may be in another
/// container, or on another machine.
func lockHolder(of file: stat) -> Int32? {
    guard let stream = fopen("/proc/locks", "re") else { return nil }
    defer { fclose(stream) }
    let device = UInt64(file.st_dev)
    // As major(3) and minor(3), which are macros.
    let major = device >> 8 & 0xfff | device >> 32 & ~0xfff
    let minor = device & 0xff | device >> 12 & ~0xff
    let place = [major, minor, UInt64(file.st_ino)]
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), stream) != nil {
        // 1: FLOCK  ADVISORY  WRITE 4711 08:01:131090 0 EOF
        let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let words = text.split(separator: " ")
        guard words.count > 5, words[1] == "FLOCK", let process = Int32(words[4]), process > 0 else { continue }
        let numbers = words[5].split(separator: ":")
        guard numbers.count == 3 else { continue }
        if [UInt64(numbers[0], radix: 16), UInt64(numbers[1], radix: 16), UInt64(numbers[2])] == place {
            return process
        }
    }
    return nil
}
