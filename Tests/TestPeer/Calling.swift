import ConnectTo

/// Connects once, says what comes of it, and holds the port until the cue to close it.
func callOnce(_ name: String, on address: String, closingAt cues: Cues) async throws {
    let port = try await Bus.at(address).connectTo(name)
    say("connecting")
    do {
        try await port.waitUntilOpen()
        say("open")
        try port.postMessage("hello")
    } catch {
        say("ended: \(error.reason?.code.rawValue ?? "?")")
        return
    }
    try await withThrowingDiscardingTaskGroup { group in
        group.addTask {
            await cues.next()
            port.close()
        }
        say("ended: \(try await port.waitUntilClosed().code)")
        group.cancelAll()
    }
}

/// Says "hello", and how many bytes came back by the end.
func countAnswer(_ name: String, on address: String) async throws {
    let port = try await Bus.at(address).connectTo(name)
    try port.postMessage("hello")
    var count = 0
    for try await message in port.messages { count += message.count }
    say("\(count)")
}

/// Opens so many ports and holds them; says how many, and how the others ended. Then closes them, and calls once more.
func hoard(_ name: String, _ count: Int, on address: String) async throws {
    let bus = try await Bus.at(address)
    var ports: [MessagePort] = []
    var codes: Set<String> = []
    for _ in 0..<count {
        let port = bus.connectTo(name)
        do {
            try await port.waitUntilOpen()
            ports.append(port)
        } catch {
            codes.insert(error.reason?.code.rawValue ?? "?")
        }
    }
    say("\(ports.count)")
    say(codes.sorted().joined(separator: " "))
    for port in ports {
        port.close()
        try await port.flush()
    }
    // The descriptors are closed on the loop, one after the other.
    while true {
        let port = bus.connectTo(name)
        try port.postMessage("once more")
        var messages = port.messages.makeAsyncIterator()
        if let text = try? await messages.next()?.text { return say(text) }
    }
}

/// Asks for a buffer of so many bytes, and says what comes of it.
func makeBuffer(_ count: Int) {
    do throws(PortError) {
        say("\(try SharedBuffer(count: count).count)")
    } catch {
        say("\(error.code)")
    }
}

/// Connects so many times in a row, with a message both ways each; again at every cue.
func callRepeatedly(_ name: String, times: Int, on address: String, at cues: Cues) async throws {
    let bus = try await Bus.at(address)
    while true {
        for number in 0..<times {
            let port = bus.connectTo(name)
            try port.postMessage("call \(number)")
            var messages = port.messages.makeAsyncIterator()
            guard try await messages.next()?.text == "call \(number)" else {
                say("a wrong answer")
                return
            }
            port.close()
        }
        say("done")
        await cues.next()
    }
}

/// Connects with many ports at the same time, each posting numbered lines.
func crowd(_ name: String, callers: Int, lines: Int, on address: String, at cues: Cues) async throws {
    let bus = try await Bus.at(address)
    say("ready")
    await cues.next()
    try await withThrowingDiscardingTaskGroup { group in
        for caller in 0..<callers {
            group.addTask {
                let port = bus.connectTo(name)
                for line in 0..<lines { try port.postMessage("\(caller) \(line)") }
                port.finish()
                for try await _ in port.messages {}
            }
        }
    }
    say("done")
}
