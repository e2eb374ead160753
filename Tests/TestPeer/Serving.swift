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
