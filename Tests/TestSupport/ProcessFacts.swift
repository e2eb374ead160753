import ConnectToTesting
import Glibc
import SystemPackage

/// What `/proc` tells of a process at one moment.
package struct ProcessFacts: Sendable, CustomStringConvertible {
    /// Those of event loops left out, which a process keeps from their first use to its end.
    package let descriptors: Int
    package let threads: Int
    /// Memory in use, in KiB.
    package let resident: Int
    /// The most that it ever was, in KiB.
    package let peak: Int
    /// Voluntary and involuntary, of all threads.
    package let contextSwitches: Int

    package init(of processID: Int32) throws {
        descriptors = try OpenDescriptor.all(of: processID).filter { !$0.belongsToAnEventLoop }.count
        resident = try Self.number("VmRSS", in: "/proc/\(processID)/status")
        peak = try Self.number("VmHWM", in: "/proc/\(processID)/status")
        var threads = 0
        var switches = 0
        for thread in try Self.entries(of: "/proc/\(processID)/task") {
            let status = "/proc/\(processID)/task/\(thread)/status"
            // One may end while it is looked at.
            guard let voluntary = try? Self.number("voluntary_ctxt_switches", in: status),
                let others = try? Self.number("nonvoluntary_ctxt_switches", in: status)
            else { continue }
            threads += 1
            switches += voluntary + others
        }
        self.threads = threads
        contextSwitches = switches
    }

    package var description: String {
        "\(descriptors) descriptors, \(threads) threads, \(resident) KiB, \(contextSwitches) switches"
    }

    struct Unreadable: Error {
        let path: String
    }

    private static func number(_ key: String, in path: String) throws -> Int {
        for line in try text(of: path).split(separator: "\n") where line.hasPrefix(key + ":") {
            let digits = line.drop { !$0.isNumber }.prefix { $0.isNumber }
            if let number = Int(digits) { return number }
        }
        throw Unreadable(path: path)
    }

    static func text(of path: String) throws -> String {
        let file = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
        return try file.closeAfter {
            var bytes = [UInt8](repeating: 0, count: 16_384)
            let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0) }
            return String(decoding: bytes.prefix(count), as: UTF8.self)
        }
    }

    static func entries(of directory: String) throws -> [String] {
        guard let stream = opendir(directory) else { throw Unreadable(path: directory) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }
}

extension TalkingProcess {
    package func facts() throws -> ProcessFacts { try ProcessFacts(of: processID) }
}
