import ConnectToLinux
public import ConnectToPorts

extension Bus {
    /// Asks for a context by name, and returns a port to it at once.
    ///
    /// A program that has registered a context itself introduces itself by it; the listener finds it in
    /// ``Peer/context``.
    ///
    /// Posting works from here on: what is posted waits for the listener. Nothing is thrown, not even for a name
    /// that is none; the port ends with the reason, and ``MessagePort/opened`` tells who wants to know.
    ///
    /// The wait bounds all of it: a listener that is there has what is left of the wait to answer, a second at least;
    /// without a wait, five seconds (``BusLimits/introduction``). The bus itself has five seconds for each of its own answers.
    /// - Parameters:
    ///   - name: the context's.
    ///   - origin: the application id that the name lives under.
    ///   - policy: what to do while nobody owns the name.
    ///   - metadata: free text for the listener, 64 KiB and 1,024 keys in all.
    ///   - format: what the line is to carry; a listener of the other format refuses. With
    ///     ``LineFormat/stream`` the port posts nothing: await ``MessagePort/opened``, then
    ///     ``MessagePort/takeFileDescriptor()``.
    ///   - expected: who the listener has to be. Whoever owns the name is looked at first, and the line and all that
    ///     was posted goes to that connection alone, whoever takes the name meanwhile. The port of another owner
    ///     ends with ``CloseReason/Code/unexpectedOwner``, and nothing has left this process. Costs two
    ///     questions to the bus more.
    public func connectTo(
        _ name: String, origin: String = ContextName.defaultOrigin,
        wait policy: WaitPolicy = .untilAvailable(for: .seconds(10)), metadata: [String: String] = [:],
        format: LineFormat = .messages, expecting expected: Admission? = nil
    ) -> MessagePort {
        let (port, introduction) = MessagePort.opening(format: format, on: loop, limits: limits.ports)
        do throws(ConnectToError) {
            let context = try ContextName(name, origin: origin)
            try metadata.checked()
            let introducer = Introducer(
                bus: self, context: context, policy: policy, format: format, metadata: metadata,
                expected: expected, answerDeadline: limits.introduction)
            if loop.reactor.isCurrent {
                introducer.introduce(introduction)
            } else {
                loop.reactor.execute { introducer.introduce(introduction) }
            }
        } catch {
            introduction.failUnlessOpen(CloseReason(.invalid, detail: error.message))
        }
        return port
    }
}
