import CConnectToLinux
import ConnectToLinux
import Glibc

@testable import ConnectToPorts

// The loop is turned by hand, so that the same input always does the same.
private let loop: EventLoop? = try? EventLoop.makeDrivenByForeignLoop()

/// A whole port on a real socket, against a peer that does what the input says.
func fuzzLine(_ source: consuming ByteSource) {
    guard let loop, let (near, far) = try? StreamSocket.pair() else { fatalError("no loop, or no socket") }
    var enemy: StreamSocket? = far
    var limits = PortLimits()
    limits.messageLength = 1 << 20
    limits.queuedOutput = 1 << 16
    var ports = [MessagePort(adopting: near, on: loop, limits: limits)]
    while !source.isAtEnd {
        let step = source.byte()
        let port = ports[Int(step >> 4) % ports.count]
        switch step & 15 {
        case 0..<8:
            guard let enemy else { break }
            let kinds = source.byte()
            let descriptors = (0..<Int(kinds & 3)).compactMap { descriptor(Int(kinds >> 2) + $0) }
            enemy.write(source.bytes(1 + Int(source.byte())), descriptors)
        case 8: port.start()
        case 9, 10: for port in port.takeAll() where ports.count < 16 { ports.append(port) }
        case 11: _ = try? port.postMessage("a word")
        case 12: port.finish()
        case 13: port.close()
        case 14:
            // Goes to another place, and on from there; or back, where it cannot.
            guard let carrier = try? MessageChannel(on: loop) else { fatalError("no channel") }
            let others = (try? SharedBuffer(count: 1)).map { [Transferable.buffer($0)] } ?? []
            if step & 16 != 0 {
                _ = try? carrier.port1.postMessage(.text("", transfer: [.port(port), .port(carrier.port1)]))
            }
            _ = try? carrier.port1.postMessage(.text("", transfer: [.port(port)] + others))
            loop.runReady()
            carrier.port2.start()
            loop.runReady()
            for port in carrier.port2.takeAll() where ports.count < 16 { ports.append(port) }
        default:
            enemy?.shutdown()
            enemy = nil
        }
        loop.runReady()
        for port in ports where port.bufferedAmount > 1 << 22 { fatalError("too much is queued") }
    }
    enemy?.shutdown()
    enemy = nil
    ports = []
    loop.runReady()
    Descriptor.waitUntilAllAreClosed()
    let lowest = dup(0)
    close(lowest)
    expect(lowest < 64, "descriptors stay open")
}

/// One of each kind that a peer might pass.
private func descriptor(_ kind: Int) -> Descriptor? {
    switch kind % 6 {
    case 0: return try? Descriptor.duplicate(of: 0)
    case 1:
        let memory = try? SharedMemory.make(size: 16)
        if let memory { _ = clinux_add_seals(memory.descriptor.rawValue, CLINUX_SEAL_WRITE) }
        return memory?.descriptor
    case 2: return (try? SharedMemory.make(size: 16))?.descriptor
    case 3: return Descriptor(adopting: clinux_memfd("unsealed"))
    case 4:
        // Whose other end has something to say, and is gone.
        guard let (near, far) = try? StreamSocket.pair() else { return nil }
        far.write(UnsafeRawBufferPointer(start: nil, count: 0), [])
        return near.descriptor
    default: return Descriptor(adopting: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
    }
}

extension StreamSocket {
    fileprivate func write(_ bytes: UnsafeRawBufferPointer, _ descriptors: [Descriptor]) {
        var part = clinux_piece(start: bytes.baseAddress, count: bytes.count)
        withUnsafePointer(to: &part) { part in
            _ = try? send(
                UnsafeBufferPointer(start: part, count: 1), descriptors: descriptors.map(\.rawValue))
        }
    }
}

extension MessagePort {
    /// Takes what has arrived, and gives the ports that came along.
    fileprivate func takeAll() -> [MessagePort] {
        var ports: [MessagePort] = []
        while case .message(let message) = line.change({ $0.takeMessage(holding: nil, for: line, &$1) }) {
            planted(message.withUnsafeBytes(hasOddByte))
            _ = message.files.map { $0.isDetached }
            for buffer in message.buffers { _ = buffer.withUnsafeBytes { $0.reduce(0, ^) } }
            ports += message.ports
        }
        return ports
    }
}
