import ConnectToLinux
import ConnectToPorts
import Testing

/// What a program did with a port when a line of `Tests/Compatibility` was recorded. Each has a file of its name.
enum RecordedAct: String, CaseIterable, CustomTestStringConvertible {
    case text, bytes, json, empty, batch, file, finish, close
    case movedBuffer = "moved-buffer"
    case sharedBuffer = "shared-buffer"
    case openPort = "port-open"
    case undeliveredPort = "port-undelivered"
    case unsentPort = "port-unsent"
    case finishedPort = "port-finished"
    case overPort = "port-over"
    case closeBehindFinish = "close-behind-finish"
    case closeAfterTaking = "close-after-taking"
    case bothFinished = "both-finished"

    var testDescription: String { rawValue }

    /// Does it on a port whose peer's end is `far`. On the port's loop, within one turn.
    func perform(on port: MessagePort, far: StreamSocket, at desk: Desk) throws {
        switch self {
        case .text: try port.postMessage("Hello, Wörld")
        case .bytes: try port.postMessage([0xFF, 0x00] as [UInt8])
        case .json: try port.postMessage(.json(#"{"n":1}"#))
        case .empty: try port.postMessage("")
        case .batch:
            var batch = MessageBatch()
            try batch.append("one")
            try batch.append(.bytes([2]))
            try batch.append(.json("3"))
            try port.postMessages(batch)
        case .file:
            let contents = try RecordedCargo.memory(Array("from a file".utf8))
            let file = try withExtendedLifetime(contents) { try OpenFile(duplicating: contents.rawValue) }
            try port.postMessage(.text("a file", transfer: [.file(file)]))
        case .movedBuffer: try port.postMessage(.text("memory", transfer: [.buffer(buffer(.moves, filledWith: 7))]))
        case .sharedBuffer: try port.postMessage(.text("memory", transfer: [.buffer(buffer(.shared, filledWith: 9))]))
        case .openPort: try port.postMessage(.text("a port", transfer: [.port(desk.inner)]))
        case .undeliveredPort, .overPort: try port.postMessage(.text("a port", transfer: [.port(desk.inner)]))
        case .unsentPort, .finishedPort:
            // The first goes to the kernel at once, what follows in the same turn of the loop waits.
            try desk.inner.postMessage("sent")
            try desk.inner.postMessage("not sent")
            if self == .finishedPort { desk.inner.finish() }
            try port.postMessage(.text("a port", transfer: [.port(desk.inner)]))
        case .finish: port.finish()
        case .close, .closeAfterTaking: port.close()
        case .closeBehindFinish:
            port.finish()
            port.close()
        case .bothFinished: port.finish()
        }
    }

    /// What the peer wrote before.
    var before: [UInt8] {
        switch self {
        case .closeAfterTaking: Wire.text("taken")
        case .bothFinished: Wire.text("taken") + Wire.finish
        default: []
        }
    }

    /// What the peer of the port that is given away wrote before: read here, and not taken.
    var beforeOnInner: [UInt8] {
        switch self {
        case .undeliveredPort: Wire.text("waiting") + Wire.text("too")
        case .overPort: Wire.text("last words") + Wire.close(taken: 0)
        default: []
        }
    }

    private func buffer(_ mode: SharedBuffer.Mode, filledWith value: UInt8) throws -> SharedBuffer {
        let buffer = try SharedBuffer(count: 16, mode: mode)
        buffer.withUnsafeMutableBytes { $0.copyBytes(from: [UInt8](repeating: value, count: 16)) }
        return buffer
    }

    /// The port that some acts give away.
    struct Desk {
        let inner: MessagePort
    }
}
