import ConnectToLinux
public import ConnectToPorts

extension Bus {
    /// Asks for a context by name, and returns a port to it at once.
    ///
    /// A program that has registered a context itself introduces itself by it; the listener finds it in
    /// ``Peer/context``.
    ///
    /// Posting works from here on: what is posted waits for the listener. Nothing is thrown, not even for a name
    /// that is none; the port ends with the reason, and ``MessagePort/waitUntilOpen(within:)`` throws it.
    ///
    /// The wait bounds all of it: a listener that is there has what is left of the wait to answer, a second at least;
    /// without a wait, five seconds (``BusLimits/introduction``). The bus itself has five seconds for each of its own answers.
    /// - Parameters:
    ///   - name: the context's.
    ///   - origin: the application id that the name lives under.
    ///   - options: how long to wait, what to tell the listener, and who it has to be; see ``ConnectOptions``.
    public func connectTo(
        _ name: String, origin: String = ContextName.defaultOrigin, options: ConnectOptions = ConnectOptions()
    ) -> MessagePort {
        let (port, introduction) = MessagePort.opening(on: loop, limits: limits.ports)
        do throws(ConnectToError) {
            let context = try ContextName(name, origin: origin)
            try options.metadata.checked()
            introduce(introduction, to: context, as: .messages, options)
        } catch {
            introduction.failUnlessOpen(CloseReason(.invalid, detail: error.message))
        }
        return port
    }

    /// Begins to introduce a line; the outcome is told to the introduction.
    func introduce(
        _ introduction: some Introduction, to context: ContextName, as format: LineFormat, _ options: ConnectOptions
    ) {
        let introducer = Introducer(
            bus: self, context: context, options: options, format: format, answerDeadline: limits.introduction)
        if loop.reactor.isCurrent {
            introducer.introduce(introduction)
        } else {
            loop.reactor.execute { introducer.introduce(introduction) }
        }
    }
}
