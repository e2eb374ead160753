public import ConnectTo

extension LineFormat {
    /// Messages that are requests, answers and events: `dbus/CALLS.md`.
    public static let calls = LineFormat(rawValue: "calls")
}

extension Bus {
    /// Connects to a context whose lines carry calls, and waits until it has admitted this program.
    ///
    /// - Throws: `PortError`, as `MessagePort.waitUntilOpen(within:)`.
    public func messenger(
        to name: String, origin: String = ContextName.defaultOrigin, options: ConnectOptions = ConnectOptions(),
        handlers: Handlers = Handlers(), messengerOptions: MessengerOptions = MessengerOptions()
    ) async throws(PortError) -> Messenger {
        var options = options
        options.format = .calls
        let port = connectTo(name, origin: origin, options: options)
        let messenger = Messenger(port, handlers: handlers, options: messengerOptions)
        try await port.waitUntilOpen()
        return messenger
    }
}
