// Everything at once, for a while: `ConnectToSoak MINUTES [SEED]`.
//
// Contexts come and go, ports open, carry, are given away and die, listeners, hubs and workers are killed, requests and
// tasks are cancelled, the bus is killed and started again. In the end everything that was accepted has arrived once and
// in order, nothing hangs, and descriptors, threads, processes and memory are where they began. The seed, which is printed, decides
// on what is tried; not on how it interleaves.

import ConnectTo
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc

let arguments = CommandLine.arguments
guard arguments.count >= 2, let minutes = Double(arguments[1]), minutes > 0 else {
    print("usage: ConnectToSoak MINUTES [SEED]")
    exit(64)
}
let seed = arguments.count > 2 ? UInt64(arguments[2]) ?? 0 : UInt64.random(in: 0 ... .max)
print("soaking for \(minutes) minutes, seed \(seed)")
fflush(nil)

do {
    var chance = Seeded(seed)
    try await withPrivateBus { bus in
        let here = try await Bus.makeSeparate(at: bus.address)
        let there = try await Bus.makeSeparate(at: bus.address)
        // All code has run once, all threads are there, when the counting begins.
        _ = try await soak(bus, here, there, for: .seconds(5), restarts: 3, &chance)
        let before = try await Standing.now()
        let tally = try await soak(
            bus, here, there, for: .seconds(minutes * 60), restarts: max(50, Int(minutes * 25)), &chance)
        print(tally.text)
        let after = try await Standing.now()
        print("before: \(before)\nafter:  \(after)")
        try after.isNoMore(than: before)
    }
    print("all in order")
} catch {
    print("failed with seed \(seed): \(error)")
    exit(1)
}

func soak(
    _ bus: PrivateBus, _ here: Bus, _ there: Bus, for time: Duration, restarts: Int, _ chance: inout Seeded
) async throws -> Tally {
    let scene = Scene(bus: bus, here: here, there: there, end: .now + time)
    let steady = try await scene.register("steady", on: there)
    let echo = Task {
        for try await event in steady.connectEvents {
            Task {
                for try await message in event.source.messages {
                    try await event.source.send(.forwarding(message))
                }
            }
        }
    }
    let seeds = (0..<18).map { _ in chance.fork() }
    try await scene.withListener("steady elsewhere") { _ in
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await scene.restartTheBus(times: restarts, seeds[0]) }
            for index in 1...2 {
                group.addTask { try await scene.talkThroughout(to: "steady", seeds[index]) }
            }
            for index in 3...4 {
                group.addTask { try await scene.talkThroughout(to: "steady elsewhere", seeds[index]) }
            }
            for index in 5...7 { group.addTask { try await scene.comeAndGo(index, seeds[index]) } }
            for index in 8...9 { group.addTask { try await scene.killListeners(index, seeds[index]) } }
            for index in 10...11 { group.addTask { try await scene.transfer(seeds[index]) } }
            for index in 12...13 { group.addTask { try await scene.call(seeds[index]) } }
            for index in 14...15 { group.addTask { try await scene.killHubs(index, seeds[index]) } }
            for index in 16...17 { group.addTask { try await scene.killWorkers(seeds[index]) } }
        }
    }
    await steady.unregister()
    try await echo.value
    return scene.tally
}
