package import ConnectToPorts

/// The other context of a test: does what it is told on a port, here or in another process.
///
/// A message is a command and its words; what comes along with one is kept, numbered from 0 in the order of arrival;
/// with `sink` it is not. Every command is answered with one line on the same port.
package func playFarSide(on control: MessagePort) async throws {
    var ports: [MessagePort?] = []
    for try await message in control.messages {
        let words = (message.text ?? "").split(separator: " ").map(String.init)
        if words.first != "sink" { ports += message.ports }
        let number = words.count > 1 ? Int(words[1]) : nil
        let port = number.flatMap { ports.indices.contains($0) ? ports[$0] : nil }
        var answer = "ok"
        switch (words.first ?? "", port) {
        case ("hold", _), ("sink", _): answer = "\(message.ports.count)"
        case ("post", let port?): try port.postMessage(words[2])
        case ("take", let port?): answer = try await take(Int(words[2]) ?? 1, from: port)
        case ("close", let port?): port.close()
        case ("drop", _): if let number { ports[number] = nil }
        case ("finish", let port?): port.finish()
        case ("start", let port?): port.start()
        case ("reason", let port?): answer = "\(try await port.waitUntilClosed().code)"
        case ("handle", let port?): answer = await firstEvent(on: port)
        case ("events", let port?): answer = await allEvents(on: port)
        case ("pass", let port?): try control.postMessage(.text("passed", transfer: [.port(port)]))
        case ("echo", let port?):
            // Until the end of the port, whatever else is to be done.
            port.onMessage { _ = try? port.postMessage($0.text ?? "?") }
        default: answer = "no such command: \(words)"
        }
        try control.postMessage(answer)
    }
}

/// So many messages, or fewer where they end, joined by blanks.
private func take(_ count: Int, from port: MessagePort) async throws -> String {
    var texts: [String] = []
    var messages = port.messages.makeAsyncIterator()
    while texts.count < count, let message = try await messages.next() { texts.append(message.text ?? "?") }
    return texts.joined(separator: " ")
}

/// Sets handlers, and waits for the first call of one.
private func firstEvent(on port: MessagePort) async -> String {
    for await event in events(on: port) { return event }
    return ""
}

/// Sets handlers, and waits for the end of the port.
private func allEvents(on port: MessagePort) async -> String {
    var seen: [String] = []
    for await event in events(on: port) {
        seen.append(event)
        if event.hasPrefix("close:") { break }
    }
    return seen.joined(separator: " ")
}

private func events(on port: MessagePort) -> AsyncStream<String> {
    let (events, log) = AsyncStream<String>.makeStream()
    port.onMessageError { log.yield("error:\($0.bytes.count)") }
    port.onClose { log.yield("close:\($0.code)") }
    port.onMessage { log.yield($0.text ?? "bytes") }
    return events
}
