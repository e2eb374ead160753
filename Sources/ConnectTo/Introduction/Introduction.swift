import ConnectToLinux
import ConnectToPorts

/// What is introduced to a listener: a port, or a stream. It has the end to pass on, and is told the outcome, once.
protocol Introduction: Sendable {
    /// To be passed to the listener and then let go. Nil where the line could not be made.
    var farEnd: Descriptor? { get }
    /// Nothing is left to introduce: it has ended, or was given up.
    var isPointless: Bool { get }
    /// Waits until it has ended, or the task is cancelled.
    func ended() async
    /// The listener has the other end.
    /// - Parameter isPartial: whether the listener may end a stream before it has taken everything.
    func didOpen(isPartial: Bool)
    /// The introduction failed. What is open already, because the listener has answered on the line, goes on.
    func failUnlessOpen(_ reason: CloseReason)
    /// The listener broke the protocol in its answer: the line is over, open or not.
    func fail(_ reason: CloseReason)
}

extension PortIntroduction: Introduction {
    /// Messages are taken whole or not, whatever the listener does with them.
    func didOpen(isPartial: Bool) { didOpen() }
}
