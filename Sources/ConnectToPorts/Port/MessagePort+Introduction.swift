package import ConnectToLinux

extension MessagePort {
    /// A port on a socket whose other end is somewhere already.
    /// - Parameters:
    ///   - budget: what it may hold together with others.
    ///   - traffic: where what goes over it is counted.
    package convenience init(
        adopting socket: StreamSocket, on loop: EventLoop, limits: PortLimits = PortLimits(),
        budget: MemoryBudget? = nil, traffic: Traffic? = nil
    ) {
        self.init(line: Line(socket, isOpen: true, on: loop.reactor, limits: limits, budget: budget))
        if let traffic { line.change { state, _ in state.traffic = Traffic.Share(of: traffic) } }
        line.watch()
    }

    /// A port that is on its way to somebody; its introduction says when it is there.
    package static func opening(
        on loop: EventLoop, limits: PortLimits = PortLimits()
    ) -> (port: MessagePort, introduction: PortIntroduction) {
        do throws(SystemError) {
            let (near, far) = try StreamSocket.pair()
            let line = Line(near, isOpen: false, on: loop.reactor, limits: limits)
            line.watch()
            return (MessagePort(line: line), PortIntroduction(line: line, farEnd: far.descriptor))
        } catch {
            let line = Line(nil, isOpen: false, on: loop.reactor, limits: limits)
            line.failUnlessOpen(CloseReason(.outOfResources, detail: "no line could be made: \(error)"))
            return (MessagePort(line: line), PortIntroduction(line: line, farEnd: nil))
        }
    }
}

extension MessagePort {
    /// Ends a port that nobody has admitted yet, for a reason, together with what was posted on it. One that is
    /// open goes on.
    package func failUnlessOpen(_ reason: CloseReason) {
        line.failUnlessOpen(reason)
    }

    /// Lets go of a line that was not admitted after all, without a word on it: what it was is for the answer
    /// to the introduction to tell. The caller may offer the same line to the next listener.
    package func abandon() {
        line.abandon()
    }
}

/// The hold that whoever introduces a port has on it: the end to pass on, and the outcome to tell.
///
/// It does not keep the port from closing when the program drops it.
package struct PortIntroduction: Sendable {
    private let line: Line
    /// To be passed to the peer and then let go. Nil where the line could not be made.
    package let farEnd: Descriptor?

    init(line: Line, farEnd: Descriptor?) {
        self.line = line
        self.farEnd = farEnd
    }

    /// The port is over, or was closed with nothing posted: there is nobody to introduce.
    package var isPointless: Bool {
        line.read { $0.life.reason != nil && ($0.life.posted == 0 || $0.life.reason?.code != .closed) }
    }

    /// Waits until the port is over, or the task is cancelled.
    package func ended() async {
        await line.wait(for: .end) { $0.life.reason != nil }
    }

    /// The peer has the other end.
    package func didOpen() {
        line.didOpen()
    }

    /// The introduction failed; a port that is open already, because the peer has answered on it, goes on.
    package func failUnlessOpen(_ reason: CloseReason) {
        line.failUnlessOpen(reason)
    }

    /// The peer broke the protocol in its answer: that ends the port whether it is open or not.
    package func fail(_ reason: CloseReason) {
        line.fail(reason)
    }
}
