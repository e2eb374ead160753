package import ConnectToLinux

extension MessagePort {
    /// Makes a port on a socket whose other end is in use already.
    /// - Parameters:
    ///   - budget: bounds the memory that this port and others may hold together.
    ///   - traffic: counts the bytes and messages on the line.
    package convenience init(
        adopting socket: StreamSocket, on loop: EventLoop, limits: PortLimits = PortLimits(),
        budget: MemoryBudget? = nil, traffic: Traffic? = nil
    ) {
        self.init(line: Line(socket, isOpen: true, on: loop.reactor, limits: limits, budget: budget))
        if let traffic { line.change { state, _ in state.traffic = Traffic.Share(of: traffic) } }
        line.watch()
    }

    /// Makes a port whose other end is still to be passed to a listener, through the introduction.
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
            line.failUnlessOpen(
                CloseReason(.outOfResources, detail: "a socket pair for the line could not be made: \(error)"))
            return (MessagePort(line: line), PortIntroduction(line: line, farEnd: nil))
        }
    }
}

extension MessagePort {
    /// Ends a port that no peer has admitted yet, for the given reason, and drops what was posted on it. A port that is
    /// open goes on.
    package func failUnlessOpen(_ reason: CloseReason) {
        line.failUnlessOpen(reason)
    }

    /// Releases a line that was not admitted after all, without telling the peer anything: the answer to the
    /// introduction gives the reason. The caller may offer the same line to the next listener.
    package func abandon() {
        line.abandon()
    }
}

/// The access that an introduction has to its port: the end to pass on, and the outcome to report.
///
/// It does not keep the port alive: the port closes when the program drops it.
package struct PortIntroduction: Sendable {
    private let line: Line
    /// The descriptor to pass to the peer and then release. Nil where the line could not be made.
    package let farEnd: Descriptor?

    init(line: Line, farEnd: Descriptor?) {
        self.line = line
        self.farEnd = farEnd
    }

    /// The port is over, or was closed before anything was posted: there is no port left to introduce.
    package var isPointless: Bool {
        line.read { $0.life.reason != nil && ($0.life.posted == 0 || $0.life.reason?.code != .closed) }
    }

    /// Waits until the port is over, or the task is cancelled.
    package func ended() async {
        await line.wait(for: .end) { $0.life.reason != nil }
    }

    /// The peer has received the other end: opens the port.
    package func didOpen() {
        line.didOpen()
    }

    /// The introduction failed: ends the port. A port that is open already, because the peer has answered on it, goes
    /// on.
    package func failUnlessOpen(_ reason: CloseReason) {
        line.failUnlessOpen(reason)
    }

    /// The peer broke the protocol in its answer: ends the port, whether it is open or not.
    package func fail(_ reason: CloseReason) {
        line.fail(reason)
    }
}
