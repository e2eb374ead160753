public import ConnectTo

/// Two connected ports, for a unit test of code that talks on one: give it one end, and play its peer on the other.
///
///     @Test func answers() async throws {
///         let (mine, theirs) = try portPair()
///         let server = Task { try await serve(theirs) }
///         try mine.postMessage("Hello")
///         #expect(try await mine.messages.first { _ in true }?.text == "Welcome!")
///         mine.close()
///         try await server.value
///     }
///
/// They are real: a socket pair, with all the limits, errors and orders of events of a port to another process. Only
/// the introduction is left out, so both are open from the start, and no bus is needed. When the last reference to
/// either goes, it closes, and the other ends with ``CloseReason/Code/closed``.
///
/// - Parameter loop: where both live; the process's own by default. A loop by
///   ``EventLoop/drivenByForeignLoop()`` lets a test decide when what has been posted arrives.
/// - Throws: ``PortError`` with ``PortError/Code/outOfResources`` where the process has no descriptors left.
public func portPair(on loop: EventLoop? = nil) throws(PortError) -> (MessagePort, MessagePort) {
    let channel = try MessageChannel(on: loop)
    return (channel.port1, channel.port2)
}
