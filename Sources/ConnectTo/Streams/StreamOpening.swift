import ConnectToLinux
import ConnectToPorts

/// A stream on its way to a listener: the end to pass on, and the outcome.
///
/// Nothing is read or written before the welcome, and only the welcome opens the stream (`dbus/PROTOCOL.md`,
/// "Streams").
final class StreamOpening: Introduction {
    enum Outcome: Sendable {
        case open(ByteStream)
        case failed(CloseReason)
    }

    private let near: StreamSocket
    private let far: Descriptor
    private let outcome = Latch<Outcome>()

    init() throws(SystemError) {
        let (near, far) = try StreamSocket.pair()
        self.near = near
        self.far = far.descriptor
    }

    /// Waits for the outcome. Cancelling the task gives the stream up.
    func wait() async -> Outcome {
        if let outcome = await outcome.wait() { return outcome }
        failUnlessOpen(.givenUp)
        return outcome.value ?? .failed(.givenUp)
    }

    // MARK: Called by the introduction

    var farEnd: Descriptor? { far }

    /// Whether the stream has been given up, or has an outcome already.
    var isPointless: Bool { outcome.value != nil }

    func ended() async {
        _ = await outcome.wait()
    }

    func didOpen(isPartial: Bool) {
        // If the stream has been given up meanwhile, this one closes itself when it is dropped.
        outcome.set(.open(ByteStream(near, isPartial: isPartial)))
    }

    func failUnlessOpen(_ reason: CloseReason) {
        if outcome.set(.failed(reason)) { near.shutdown() }
    }

    func fail(_ reason: CloseReason) {
        failUnlessOpen(reason)
    }
}

extension CloseReason {
    fileprivate static let givenUp = CloseReason(
        .cancelled, detail: "the task that opens the stream was cancelled before the stream was open")
}
