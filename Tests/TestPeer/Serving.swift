import ConnectTo
import Glibc

/// Serves one caller, with so many messages of 16 KiB, and ends the process as soon as serving is over.
func serveOnce(_ name: String, _ count: Int, on address: String) async throws {
    let context = try await Bus.at(address).register(name, options: ContextOptions(callerLimit: 1))
    say("listening")
    try await context.serve { event in
        for _ in 0..<count { try await event.source.send(.bytes([UInt8](repeating: 1, count: 16 << 10))) }
    }
    exit(0)
}

/// Admits callers that ask for the document "known", never decides about those that ask for "slow", and refuses others.
func screen(_ name: String, on address: String) async throws {
    let screening = Screening(within: .milliseconds(200)) { caller in
        switch caller.metadata["document"] {
        case "known": return .admit
        case "slow":
            try? await Task.sleep(for: .seconds(3_600))
            return .admit
        case let document: return .refuse(because: "there is no document \(document ?? "without a name")")
        }
    }
    let context = try await Bus.at(address).register(name, options: ContextOptions(screening: screening))
    say("listening")
    try await context.serve { event in try event.source.postMessage("this is \(event.metadata["document"] ?? "")") }
}

/// Serves callers, each with so many messages of 16 KiB and then for ever; cancels that at a cue, and ends the process
/// as soon as serving is over.
func serveUntilStopped(_ name: String, _ count: Int, on address: String, at cues: Cues) async throws {
    let context = try await Bus.at(address).register(name)
    let serving = Task {
        try await context.serve { event in
            for _ in 0..<count { try event.source.postMessage([UInt8](repeating: 1, count: 16 << 10)) }
            say("posted")
            try await Task.sleep(for: .seconds(3_600))
        }
    }
    say("listening")
    await cues.next()
    serving.cancel()
    _ = await serving.result
    exit(0)
}
