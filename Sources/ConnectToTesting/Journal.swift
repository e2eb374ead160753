import ConnectTo
import ConnectToLinux
import Glibc
import SystemPackage

/// A substitute for systemd's journal: writes what `dbus-broker-launch` logs to the bus's log, and learns from it
/// when the bus is up.
///
/// Entries are read at once, on the process's loop, so a program that logs never waits.
final class Journal: Sendable {
    /// The path of the datagram socket that takes entries.
    let path: String
    private let addresses: AsyncStream<String>
    private let source: Reactor.Source
    private let socket: Descriptor

    /// The longest entry that is read; a longer one is cut.
    private static let entryLimit = 16 << 10

    /// - Parameter address: of the bus.
    init(at path: FilePath, log: FilePath, address: String) throws {
        self.path = path.string
        let socket = try UnixSocket.bound(to: path, type: SOCK_DGRAM)
        let log = Descriptor(
            adopting: try FileDescriptor.open(
                log, .writeOnly, options: [.create, .closeOnExec, .append], permissions: .ownerReadWrite
            ).rawValue)
        let (addresses, isReady) = AsyncStream<String>.makeStream()
        self.socket = socket
        self.addresses = addresses
        source = try EventLoop.shared.reactor.watch(socket.rawValue, for: .read) { _ in
            while let entry = Self.nextEntry(of: socket) {
                guard let message = Self.message(in: entry) else { continue }
                let line = Array("\(message)\n".utf8)
                _ = line.withUnsafeBytes { write(log.rawValue, $0.baseAddress, $0.count) }
                if message == "Ready" { isReady.yield(address) }
            }
        }
    }

    /// Waits until the launcher reports that the bus is up, and returns the bus's address. Nil where the task is
    /// cancelled.
    func address() async -> String? {
        await addresses.first { _ in true }
    }

    deinit {
        source.cancel()
    }

    private static func nextEntry(of socket: Descriptor) -> String? {
        let bytes = [UInt8](unsafeUninitializedCapacity: entryLimit) { buffer, count in
            count = max(0, recv(socket.rawValue, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT)))
        }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }

    /// The text for people of an entry in the journal's own format, which has a `FIELD=value` on each text line.
    private static func message(in entry: String) -> Substring? {
        let field = "MESSAGE="
        return entry.split(separator: "\n").last { $0.hasPrefix(field) }?.dropFirst(field.count)
    }
}
