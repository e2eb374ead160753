import ConnectToLinux
public import ConnectToPorts

extension Bus {
    /// Asks for a context by name, and returns a port to it at once.
    ///
    /// A program that has registered a context introduces itself by that context, and the listener finds it in
    /// ``Peer/context``.
    ///
    /// Posting works from here on: what is posted waits for the listener. Nothing is thrown, not even for an invalid
    /// name: the port ends with the reason, and ``MessagePort/waitUntilOpen(within:)`` throws it.
    ///
    /// The wait bounds the whole introduction. A listener that owns the name has what is left of the wait to answer,
    /// and a second at least; without a wait it has five seconds (``BusLimits/introduction``). The bus itself has
    /// five seconds for each of its own answers.
    /// - Parameters:
    ///   - name: the context's name.
    ///   - origin: the application id that the name lives under.
    ///   - options: how long to wait, what to send to the listener, and which listener to accept; see
    ///     ``ConnectOptions``.
    public func connectTo(
        _ name: String, origin: String = ContextName.defaultOrigin, options: ConnectOptions = ConnectOptions()
    ) -> MessagePort {
        let (port, introduction) = MessagePort.opening(on: loop, limits: limits.ports)
        do throws(ConnectToError) {
            let context = try ContextName(name, origin: origin)
            try options.metadata.checked()
            guard options.format.isWord, !options.format.isStream else { throw .notForMessages(options.format) }
            introduce(introduction, to: context, as: options.format, options)
        } catch {
            introduction.failUnlessOpen(CloseReason(.invalid, detail: error.message))
        }
        return port
    }

    /// Begins to introduce a line; the introduction gets the outcome.
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
