import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("A port that the program has forgotten", .chosenExecutor, .timeLimit(.minutes(1)))
struct ForgottenPortTests {
    private enum Setter: CaseIterable { case message, messageError, close }

    /// Each handler at its own place.
    private static let orders: [[Setter]] = [
        [.message, .close], [.close, .message], [.message, .messageError, .close], [.message, .close, .messageError],
        [.close, .messageError, .message], [.messageError, .message, .close],
    ]

    @Test(
        "A forgotten port calls its close handler at the end, however far the loop gets between two setters",
        arguments: orders)
    private func closeHandlerSetBehindMessageHandler(order: [Setter]) throws {
        for turnsLoop in [false, true] {
            let loop = try EventLoop.makeDrivenByForeignLoop()
            let heard = Heard()
            var settersLeft = order.count
            weak let line = try forget(order, on: loop, heard) {
                settersLeft -= 1
                if turnsLoop, settersLeft > 0 { loop.runReady() }
            }
            loop.runReady()
            #expect(heard.calls == ["last words", "closed"])
            #expect(line == nil)
        }
    }

    @Test("A forgotten port calls its close handler 300 times of 300, while the loop delivers the last message")
    func closeHandlerIsCalledInEveryRace() async throws {
        let loop = try EventLoop.shared
        var lost = 0
        for _ in 0..<300 {
            let heard = Heard()
            weak let line = try forget([.message, .close], on: loop, heard) {}
            let end = ContinuousClock.now + .seconds(10)
            while line != nil, .now < end { await loop.catchUp() }
            #expect(line == nil)
            if heard.calls != ["last words", "closed"] { lost += 1 }
        }
        #expect(lost == 0)
    }

    @Test("A forgotten port calls its close handler for an end that came while the program took the last message")
    func closeHandlerAfterLastMessageTakenBySequence() throws {
        let loop = try EventLoop.makeDrivenByForeignLoop()
        let heard = Heard()
        weak let line = try forget([.close], on: loop, heard) {
            $0.start()
            loop.runReady()
            // Nothing of the loop's turns lies between this and the port's last reference.
            let line = $0.line
            line.change { state, wakeups in _ = state.takeInput(holding: nil, for: line, &wakeups) }
        }
        loop.runReady()
        #expect(heard.calls == ["closed"])
        #expect(line == nil)
    }

    @Test("A forgotten port on which both sides have finished calls a close handler that was set last")
    func closeHandlerSetLastAfterBothFinished() throws {
        let loop = try EventLoop.makeDrivenByForeignLoop()
        let (near, far) = try StreamSocket.pair()
        let peer = RawPeer(far)
        let heard = Heard()
        let said = Wire.text("last words") + Wire.finish
        #expect(try peer.sendWithoutWaiting(said) == said.count)
        weak let line = forget(MessagePort(adopting: near, on: loop), [.message, .close], heard) {
            $0.finish()
            loop.runReady()
        }
        loop.runReady()
        #expect(heard.calls == ["last words"])
        let close = Wire.close(taken: 0)
        #expect(try peer.sendWithoutWaiting(close) == close.count)
        loop.runReady()
        #expect(heard.calls == ["last words", "closed"])
        #expect(line == nil)
    }

    @Test("A forgotten port whose end has not come is closed, and calls no handler")
    func forgottenPortWithoutEndCloses() throws {
        let loop = try EventLoop.makeDrivenByForeignLoop()
        let heard = Heard()
        let (near, far) = try StreamSocket.pair()
        let peer = RawPeer(far)
        let said = Wire.text("nobody takes this")
        #expect(try peer.sendWithoutWaiting(said) == said.count)
        weak let line = forget(MessagePort(adopting: near, on: loop), [.close], heard) { _ in loop.runReady() }
        loop.runReady()
        #expect(heard.calls == [])
        #expect(line == nil)
    }

    /// What handlers were called with, in order.
    private final class Heard: Sendable {
        private let texts = Lock<[String]>([])
        var calls: [String] { texts.withLock { $0 } }
        func add(_ call: String) { texts.withLock { $0.append(call) } }
    }

    /// Makes a port whose peer has said its last words and closed, gives it handlers, and forgets it.
    private func forget(
        _ order: [Setter], on loop: EventLoop, _ heard: Heard, between: () -> Void
    ) throws -> Line {
        try forget(order, on: loop, heard) { _ in between() }
    }

    private func forget(
        _ order: [Setter], on loop: EventLoop, _ heard: Heard, between: (MessagePort) -> Void
    ) throws -> Line {
        let (mine, theirs) = try MessageChannel.makePair(on: loop)
        try theirs.postMessage("last words")
        theirs.close()
        return forget(mine, order, heard, between: between)
    }

    private func forget(
        _ port: consuming MessagePort, _ order: [Setter], _ heard: Heard, between: (MessagePort) -> Void
    ) -> Line {
        for setter in order {
            switch setter {
            case .message: port.onMessage { message in heard.add(message.text ?? "?") }
            case .messageError: port.onMessageError { _ in heard.add("undecodable") }
            case .close: port.onClose { reason in heard.add("\(reason.code)") }
            }
            between(port)
        }
        return port.line
    }
}
