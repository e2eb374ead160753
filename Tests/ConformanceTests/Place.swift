import ConnectTo
import ConnectToFarSide
import ConnectToPorts
import ConnectToTestSupport
import ConnectToTesting
import Testing

/// Where the other context of a test is.
enum Place: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case sameProcess = "in the same process"
    case otherProcess = "in another process"

    var testDescription: String { rawValue }
}

/// The other context, and how to tell it what to do.
struct FarContext: Sendable {
    let control: MessagePort
    /// Where the other context has one of its own.
    var process: TalkingProcess?

    /// Gives a command, with what is to go along, and waits for the answer.
    @discardableResult
    func tell(_ command: String, giving things: [Transferable] = []) async throws -> String {
        try control.postMessage(.text(command, transfer: things))
        return try await answer()
    }

    /// Gives a command whose answer is to be fetched later.
    func begin(_ command: String) throws {
        try control.postMessage(command)
    }

    func answer() async throws -> String {
        try #require(try await control.next()?.text)
    }

    /// Has a port that it was given come back.
    func fetch(_ number: Int) async throws -> MessagePort {
        try control.postMessage("pass \(number)")
        let port = try #require(try await control.next()?.ports.first)
        _ = try await answer()
        return port
    }
}

/// Runs a closure while there is another context, in this process or in one of its own.
func withFarContext(_ place: Place, _ body: (FarContext) async throws -> Void) async throws {
    switch place {
    case .sameProcess:
        let (near, far) = try MessageChannel.makePair()
        async let playing: Void = playFarSide(on: far)
        try await body(FarContext(control: near))
        near.close()
        try await playing
    case .otherProcess:
        let bus = try await Bus.at(PrivateBus.current.address)
        try await withPeer("far", "far") { peer in
            #expect(await peer.line() == "listening")
            let port = bus.connectTo("far")
            try await port.waitUntilOpen()
            try await body(FarContext(control: port, process: peer))
        }
    }
}

extension MessagePort {
    /// The next message, or nil at the end.
    func next() async throws -> Message? {
        var messages = messages.makeAsyncIterator()
        return try await messages.next()
    }

    /// The texts of all messages to the end.
    func texts() async throws -> [String] {
        var texts: [String] = []
        for try await message in messages { texts.append(message.text ?? "?") }
        return texts
    }
}
