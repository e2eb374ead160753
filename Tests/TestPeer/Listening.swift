import ConnectTo
import ConnectToDBus
import ConnectToLinux

/// Sends every message back, and closes when the peer has finished.
func echo(_ name: String, on address: String) async throws {
    try await serveEcho(try await Bus.at(address).register(name))
}

/// The same, in line for the name; says whether it has it, and when it gets it.
func standBy(_ name: String, on address: String) async throws {
    let context = try await Bus.at(address).register(name, options: ContextOptions(ownership: .standby))
    if context.status == .standby {
        say("standing by")
        try await context.waitUntilRegistered()
    }
    try await serveEcho(context)
}

private func serveEcho(_ context: Context) async throws {
    say("listening")
    try await withThrowingDiscardingTaskGroup { group in
        for try await event in context.connectEvents {
            group.addTask {
                do {
                    for try await message in event.source.messages {
                        if let text = message.text {
                            try await event.source.send(.text(text))
                        } else {
                            try await event.source.send(.bytes(message.bytes))
                        }
                    }
                    event.source.close()
                } catch {
                    say("a port ended: \(event.source.closeReason?.code.rawValue ?? "?")")
                }
            }
        }
    }
}

/// Owns the name and takes calls, and never answers one.
func takeTheCallAndSayNothing(_ name: String, on address: String, until cues: Cues) async throws {
    let context = try ContextName(name)
    let connection = try await BusConnection.open(address: address, on: EventLoop.shared.reactor)
    await connection.export { call in
        held.withLock { $0.append(call) }
        say("called")
        return true
    }
    _ = try await connection.requestName(context.busName, flags: [.doNotQueue])
    say("listening")
    await cues.next()
    await connection.close()
}

/// Calls, with their lines, that are kept for as long as this process lives.
private let held = Lock<[MethodCall]>([])
