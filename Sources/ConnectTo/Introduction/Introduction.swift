import ConnectToLinux
import ConnectToPorts

/// What is introduced to a listener: a port, or a stream. It has the end to pass on, and gets the outcome, once.
protocol Introduction: Sendable {
    /// The end to pass to the listener and then to release. Nil where the line could not be made.
    var farEnd: Descriptor? { get }
    /// Whether nothing is left to introduce: it has ended, or was given up.
    var isPointless: Bool { get }
    /// Waits until it has ended, or the task is cancelled.
    func ended() async
    /// To be called when the listener has the other end.
    /// - Parameter isPartial: whether the listener may end a stream before it has taken everything.
    func didOpen(isPartial: Bool)
    /// To be called when the introduction failed. A line that is open already, because the listener has answered on
    /// it, goes on.
    func failUnlessOpen(_ reason: CloseReason)
    /// To be called when the listener's answer broke the protocol: the line ends, open or not.
    func fail(_ reason: CloseReason)
}

extension PortIntroduction: Introduction {
    /// `isPartial` has no meaning for messages: each is taken whole or not at all.
    func didOpen(isPartial: Bool) { didOpen() }
}
