import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("Gathering", .chosenExecutor, .timeLimit(.minutes(1)))
struct GatheringTests {
    @Test("A port never gathers a message that it would refuse to post", arguments: 0..<24)
    func neverMoreThanPosting(_ seed: UInt64) async throws {
        var chance = Chance(seed)
        var limits = PortLimits()
        limits.queuedOutput = [0, 1, 100, 20_000, 100_000, 1 << 20][chance.below(6)]
        limits.messageLength = [0, 10, 1_000, 50_000, 64 << 20][chance.below(5)]
        let budget = chance.below(2) == 0 ? MemoryBudget([1, 10_000, 100_000][chance.below(3)]) : nil
        let (near, far) = try StreamSocket.pair()
        let port = MessagePort(adopting: near, on: try EventLoop.shared, limits: limits, budget: budget)
        port.start()
        let peer = MessagePort(adopting: far, on: try EventLoop.shared)
        var gathered = 0
        for _ in 0..<300 {
            switch chance.below(40) {
            case 0: _ = try? peer.takeMessage()
            case 1: try await EventLoop.shared.catchUp()
            case 2 where chance.below(20) == 0: port.finish()
            case 3 where chance.below(40) == 0: port.close()
            default:
                let size = [0, 1, 100, 1_000, 5_000, 40_000, 100_000][chance.below(7)]
                _ = try? port.postMessage([UInt8](repeating: 1, count: size))
            }
            let (longest, refusal, takesPosts) = port.line.read {
                let longest = $0.gatherRoom - 1
                return (longest, longest < 0 ? nil : $0.postRefusal(longest), $0.life.takesPosts)
            }
            if longest < 0 { continue }
            gathered += 1
            #expect(refusal == nil, "would gather \(longest) bytes")
            #expect(takesPosts)
        }
        port.close()
        peer.close()
    }
}
