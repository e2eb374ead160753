import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("A transfer that is refused", .chosenExecutor, .timeLimit(.minutes(1)))
struct RefusedTransferTests {
    /// Posts the port together with what cannot go along.
    private func refuse(_ port: MessagePort) throws {
        let carrier = try MessageChannel()
        let closed = try MessageChannel().port1
        closed.close()
        let error = #expect(throws: PortError.self) {
            try carrier.port1.postMessage(.text("", transfer: [.port(port), .port(closed)]))
        }
        #expect(error?.code == .detached)
    }

    @Test("A refused transfer leaves a port whose peer has finished as it was")
    func refusedTransferAfterPeersFinish() async throws {
        let channel = try MessageChannel()
        try channel.port1.postMessage("one")
        try channel.port1.postMessage("two")
        channel.port1.finish()
        channel.port2.start()
        while !channel.port2.peerHasFinished, !Task.isCancelled { await Task.yield() }
        try refuse(channel.port2)
        var messages = channel.port2.messages.makeAsyncIterator()
        #expect(try await messages.next()?.text == "one")
        try refuse(channel.port2)
        #expect(try await messages.next()?.text == "two")
        #expect(try await messages.next() == nil)
        #expect(channel.port2.closeReason == nil)
        try channel.port2.postMessage("answer")
        channel.port2.finish()
        var answers = channel.port1.messages.makeAsyncIterator()
        #expect(try await answers.next()?.text == "answer")
        #expect(try await channel.port1.waitUntilClosed().code == .closed)
    }

    @Test("A refused transfer leaves a port whose peer has closed as it was")
    func refusedTransferAfterPeersClose() async throws {
        let channel = try MessageChannel()
        try channel.port1.postMessage("one")
        channel.port1.close()
        channel.port2.start()
        #expect(try await channel.port2.waitUntilClosed().code == .closed)
        try refuse(channel.port2)
        var messages = channel.port2.messages.makeAsyncIterator()
        #expect(try await messages.next()?.text == "one")
        #expect(try await messages.next() == nil)
        #expect(channel.port2.closeReason?.code == .closed)
    }

    @Test("A port that this program closed cannot be transferred, also where its peer closed first")
    func closedPortCannotBeTransferred() async throws {
        let channel = try MessageChannel()
        try channel.port1.postMessage("never read")
        channel.port1.close()
        channel.port2.start()
        #expect(try await channel.port2.waitUntilClosed().code == .closed)
        channel.port2.close()
        #expect(channel.port2.isDetached)
        var messages = channel.port2.messages.makeAsyncIterator()
        #expect(try await messages.next() == nil)
        let carrier = try MessageChannel()
        let error = #expect(throws: PortError.self) {
            try carrier.port1.postMessage(.text("", transfer: [.port(channel.port2)]))
        }
        #expect(error?.code == .detached)
    }

    @Test("Transfers that are refused many times while both sides post and take lose nothing and leave no descriptor")
    func refusedTransfersUnderTraffic() async throws {
        try await expectNoDescriptorLeak {
            let total = 5_000
            let channel = try MessageChannel()
            async let posting: Void = {
                for number in 0..<total { try await channel.port1.send("\(number)") }
                channel.port1.finish()
            }()
            async let answering: Void = {
                for number in 0..<total { try await channel.port2.send("\(number)") }
            }()
            async let answers: Int = {
                var count = 0
                for try await message in channel.port1.messages where message.text == "\(count)" {
                    count += 1
                }
                return count
            }()
            async let refusing: Void = { for _ in 0..<1_000 { try refuse(channel.port2) } }()
            var count = 0
            for try await message in channel.port2.messages where message.text == "\(count)" { count += 1 }
            try await posting
            try await answering
            try await refusing
            #expect(count == total)
            channel.port2.close()
            #expect(try await answers == total)
            #expect(channel.port1.closeReason?.code == .closed)
            #expect(channel.port1.undeliveredCount == 0)
        }
    }

    @Test("A port that is transferred to two places at once goes to one of them")
    func portGoesToOneOfTwoTransfers() async throws {
        for _ in 0..<200 {
            let channel = try MessageChannel()
            let carriers = (try MessageChannel(), try MessageChannel())
            async let first: Bool =
                (try? carriers.0.port1.postMessage(.text("", transfer: [.port(channel.port2)]))) != nil
            async let second: Bool =
                (try? carriers.1.port1.postMessage(.text("", transfer: [.port(channel.port2)]))) != nil
            #expect(await [first, second].count { $0 } == 1)
        }
    }

    @Test("A transfer that is refused because this side finishes meanwhile gives nothing away")
    func transferRefusedByFinishKeepsEverything() async throws {
        for _ in 0..<40 {
            let carrier = try MessageChannel()
            let (first, second) = (try MessageChannel(), try MessageChannel())
            // So that taking it out lasts a while.
            try second.port1.postMessage([UInt8](repeating: 0, count: 8 << 20))
            let (posted, finished) = (Latch<Void>(), Latch<Void>())
            try startDetachedThread(named: "finisher") {
                while posted.value == nil, !first.port1.line.read({ $0.isInTransit }) {}
                carrier.port1.finish()
                finished.set()
            }
            var error: PortError?
            do throws(PortError) {
                try carrier.port1.postMessage(.text("", transfer: [.port(first.port1), .port(second.port1)]))
            } catch let refusal {
                error = refusal
            }
            posted.set()
            _ = await finished.wait()
            let message = try await carrier.port2.take()
            #expect(error == nil || error?.code == .finished)
            #expect(message?.ports.count == (error == nil ? 2 : nil))
            #expect(first.port1.isDetached == (error == nil))
        }
    }

    @Test("A carrier that ends takes with it what is on its way")
    func endedCarrierTakesCargoWithIt() async throws {
        try await expectNoDescriptorLeak {
            let inner = try MessageChannel()
            let carrier = try MessageChannel()
            // Fills the kernel, so that what follows has not left.
            try carrier.port1.postMessage([UInt8](repeating: 0, count: 1 << 20))
            try carrier.port1.postMessage(.text("", transfer: [.port(inner.port2)]))
            inner.port1.start()
            carrier.port2.abandon()
            #expect(try await carrier.port1.waitUntilClosed().code == .peerExited)
            #expect(try await inner.port1.waitUntilClosed().code == .peerExited)
        }
    }
}
