import ConnectTo
import ConnectToTesting
import Foundation
import Testing

@Suite(
    "The example in Python", .privateBus, .timeLimit(.minutes(1)),
    .enabled("There is no python3-gi for /usr/bin/python3: make setup installs it") {
        await Example.hasPython()
    })
struct PythonTests {
    @Test("A Python listener and a Swift caller exchange text, with a file each way")
    func swiftCallerOfAPythonListener() async throws {
        let gift = try file("from Python\n")
        try await withExample(.python, "listen", "the listener", "Welcome!", gift.path) { listener in
            let bus = try await Bus.at(PrivateBus.current.address)
            for number in 1...3 {
                let port = bus.connectTo("the listener")
                try port.postMessage(.text("Hello \(number)", transfer: [.file(try openFile(file("from Swift\n")))]))
                port.finish()
                var messages = port.messages.makeAsyncIterator()
                let message = try #require(try await messages.next())
                #expect(message.text == "Welcome!")
                #expect(message.files.map(contents) == ["from Python\n"])
                #expect(try await messages.next() == nil)
                #expect(try await port.waitUntilClosed().code == .closed)
                #expect(port.undeliveredCount == 0)
                #expect(await listener.line() == "Hello \(number)")
                #expect(await listener.line() == "from Swift")
            }
        }
    }

    @Test("A Swift listener and a Python caller exchange text, with a file each way")
    func pythonCallerOfASwiftListener() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let context = try await bus.register("7up/ü")
        let gift = try file("from Python\n")
        async let caller = outcome(of: .python, "connect", "7up/ü", "Hello", gift.path)
        var events = context.connectEvents.makeAsyncIterator()
        let port = try #require(try await events.next()).source
        try port.postMessage(.text("Welcome!", transfer: [.file(try openFile(file("from Swift\n")))]))
        port.finish()
        var messages = port.messages.makeAsyncIterator()
        let message = try #require(try await messages.next())
        #expect(message.text == "Hello")
        #expect(message.files.map(contents) == ["from Python\n"])
        #expect(try await messages.next() == nil)
        #expect(try await port.waitUntilClosed().code == .closed)
        let outcome = try await caller
        #expect(outcome.isSuccess)
        #expect(outcome.output == "Welcome!\nfrom Swift\n")
    }

    @Test("A Python peer closes ports with all that is in them, and memory, and goes on")
    func pythonPeerClosesPortsAndMemory() async throws {
        let inner = try MessageChannel()
        try inner.port1.postMessage(.text("not read", transfer: [.file(try openFile(file("inside")))]))
        inner.port2.start()
        try inner.port2.postMessage("on its way")
        let ended = try MessageChannel()
        ended.port1.close()
        ended.port2.start()
        try await ended.port2.waitUntilClosed()
        try await withExample(.python, "listen", "sink") { listener in
            let bus = try await Bus.at(PrivateBus.current.address)
            let port = bus.connectTo("sink")
            try port.postMessage(
                .text(
                    "many things",
                    transfer: [
                        .port(inner.port2), .buffer(try SharedBuffer(count: 10)), .port(ended.port2),
                        .buffer(try SharedBuffer(count: 0, mode: .shared)), .file(try openFile(file("and a file\n"))),
                    ]))
            port.finish()
            #expect(await listener.line() == "many things")
            #expect(await listener.line() == "and a file")
            #expect(try await port.waitUntilClosed().code == .closed)
            inner.port1.start()
            #expect(try await inner.port1.waitUntilClosed().code == .peerExited)
        }
    }

    @Test("A Python caller of a name without an owner ends with an error")
    func pythonCallerWithoutListener() async throws {
        #expect(try await !outcome(of: .python, "connect", "nobody", "Hello").isSuccess)
    }
}
