// A process for tests to talk with, and to kill: `ConnectToTestPeer ADDRESS ROLE NAME [NUMBER…]`.
//
// It says on standard output what has happened, a line each, and reads cues from standard input, a line each;
// it ends when that ends. All its work is done on the event loop: Swift's own pool has a thread that wakes once a
// second for ever, and what is measured here is the library.

import ConnectTo
import Glibc

let arguments = CommandLine.arguments
guard arguments.count >= 4 else {
    say("usage: ConnectToTestPeer ADDRESS ROLE NAME [NUMBER…]")
    exit(64)
}
let (address, role, name) = (arguments[1], arguments[2], arguments[3])
let numbers = arguments.dropFirst(4).compactMap { Int($0) }
let cues = Cues()
becomeAnotherUser()

Task(executorPreference: try EventLoop.shared.executor) { [numbers, cues, address, role, name] in
    do {
        switch (role, numbers.count) {
        case ("echo", 0): try await echo(name, on: address)
        case ("serve", 1): try await serveOnce(name, numbers[0], on: address)
        case ("stop", 1): try await serveUntilStopped(name, numbers[0], on: address, at: cues)
        case ("screen", 0): try await screen(name, on: address)
        case ("hoard", 1): try await hoard(name, numbers[0], on: address)
        case ("buffer", 1): makeBuffer(numbers[0])
        case ("standby", 0): try await standBy(name, on: address)
        case ("silent", 0): try await takeTheCallAndSayNothing(name, on: address, until: cues)
        case ("call", 0): try await callOnce(name, on: address, closingAt: cues)
        case ("count", 0): try await countAnswer(name, on: address)
        case ("repeat", 1): try await callRepeatedly(name, times: numbers[0], on: address, at: cues)
        case ("crowd", 2):
            try await crowd(name, callers: numbers[0], lines: numbers[1], on: address, at: cues)
        case ("far", 0): try await farSide(name, on: address)
        case ("deaf", 1): try await takeNothing(name, started: numbers[0] == 1, on: address)
        case ("hop", 3):
            try await hop(name, numbers[0], of: numbers[1], total: numbers[2], on: address)
        case ("maker", 0): try await makeAndGo([name + "1", name + "2"], on: address)
        case ("slow", 1): try await readSlowly(name, milliseconds: numbers[0], on: address)
        case ("much", 1): try await postMuch(name, numbers[0], on: address, at: cues)
        case ("knock", 2): try await knock(name, numbers[0], ownsContext: numbers[1] == 1, on: address)
        case ("flood", 2):
            try flood(name, seconds: numbers[0], isDeaf: numbers[1] == 1, on: address)
        case ("hub", 0): try await beHub(name, on: address)
        case ("spokes", 2): try await beSpokes(name, numbers[0], count: numbers[1], on: address, until: cues)
        case ("calls", 1): try await serveCalls(name, saysHello: numbers[0] == 1, on: address, at: cues)
        case ("heir", 0): try await inherit(name, on: address)
        case ("ring", 3): try await joinRing(name, numbers[0], of: numbers[1], places: numbers[2], on: address)
        case ("worker", 0): try await work()
        default: say("no such role: \(role) \(numbers)")
        }
    } catch {
        say("failed: \(error)")
    }
}
// A worker's standard input is its line, and it ends by itself.
if role == "worker" { while true { pause() } }
cues.readToEnd()
exit(0)
