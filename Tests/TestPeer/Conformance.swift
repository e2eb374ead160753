import ConnectTo
import ConnectToFarSide
import Glibc

/// The other context of the conformance tests, for one caller after the other.
func farSide(_ name: String, on address: String) async throws {
    let context = try await Bus.at(address).register(name)
    say("listening")
    for try await event in context.connectEvents {
        do {
            try await playFarSide(on: event.source)
        } catch {
            say("ended: \(event.source.closeReason?.code.rawValue ?? "?")")
        }
    }
}

/// Takes calls and never a message, so that what is sent stays with the kernel or, started, in this process.
func takeNothing(_ name: String, started: Bool, on address: String) async throws {
    let context = try await Bus.at(address).register(name)
    say("listening")
    var held: [MessagePort] = []
    for try await event in context.connectEvents {
        if started { event.source.start() }
        held.append(event.source)
    }
}

/// A place that a port travels through: takes what is its share of the messages, posts its share, and passes the
/// port on to the next place, `NAME` and its number plus one.
func hop(_ name: String, _ number: Int, of last: Int, total: Int, on address: String) async throws {
    let bus = try await Bus.at(address)
    let context = try await bus.register("\(name)\(number)")
    say("listening")
    var calls = context.connectEvents.makeAsyncIterator()
    guard let event = try await calls.next() else { return }
    var arrivals = event.source.messages.makeAsyncIterator()
    guard let port = try await arrivals.next()?.ports.first else { return say("no port came") }
    let share = total / last
    var messages = port.messages.makeAsyncIterator()
    for index in (number - 1) * share..<number * share {
        try await port.send("\(index)")
        guard try await messages.next()?.text == "\(index)" else { return say("a wrong message at \(index)") }
    }
    if number < last {
        let next = bus.connectTo("\(name)\(number + 1)")
        try await next.waitUntilOpen()
        try next.postMessage(.text("take over", transfer: [.port(port)]))
        next.finish()
        try await next.flush()
        say("passed on")
    } else {
        port.close()
        try await port.flush()
        say("done")
    }
}

/// Makes a channel, gives its two ends to two contexts, and is no more.
func makeAndGo(_ names: [String], on address: String) async throws {
    let bus = try await Bus.at(address)
    let channel = try MessageChannel()
    for (name, port) in zip(names, [channel.port1, channel.port2]) {
        let line = bus.connectTo(name)
        try await line.waitUntilOpen()
        try line.postMessage(.text("echo 0", transfer: [.port(port)]))
        try await line.flush()
        var answers = line.messages.makeAsyncIterator()
        _ = try await answers.next()
        line.finish()
    }
    say("given away")
}

/// Takes all messages, each after a pause, and says how many bytes that were.
func readSlowly(_ name: String, milliseconds: Int, on address: String) async throws {
    let context = try await Bus.at(address).register(name)
    say("listening")
    var calls = context.connectEvents.makeAsyncIterator()
    guard let event = try await calls.next() else { return }
    var count = 0
    for try await message in event.source.messages {
        count += message.count
        try await Task.sleep(for: .milliseconds(milliseconds))
    }
    say("\(count)")
}

/// Posts so many messages of 1 MiB as fast as it may.
func postMuch(_ name: String, _ messages: Int, on address: String, at cues: Cues) async throws {
    let port = try await Bus.at(address).connectTo(name)
    try await port.waitUntilOpen()
    say("open")
    await cues.next()
    // Each its own memory: what waits is kept, not copied.
    for _ in 0..<messages { try await port.send(.bytes([UInt8](repeating: 7, count: 1 << 20))) }
    port.finish()
    try await port.flush()
    say("posted")
    await cues.next()
}
