// A process for tests to talk with, and to kill: `TestPeer ADDRESS ROLE NAME [NUMBER…]`.
//
// It says on standard output what has happened, a line each, and reads cues from standard input, a line each;
// it ends when that ends.

import ConnectTo
import Glibc

let arguments = CommandLine.arguments
guard arguments.count >= 4 else {
    print("usage: TestPeer ADDRESS ROLE NAME [NUMBER…]")
    exit(64)
}
let (address, role, name) = (arguments[1], arguments[2], arguments[3])
let numbers = arguments.dropFirst(4).compactMap { Int($0) }
let cues = Cues()

let work = Task {
    switch role {
    case "echo": try await echo(name, on: address)
    case "silent": try await takeTheCallAndSayNothing(name, on: address)
    case "call": try await callOnce(name, on: address)
    case "repeat": try await callRepeatedly(name, times: numbers[0], on: address)
    case "crowd": try await crowd(name, callers: numbers[0], lines: numbers[1], on: address)
    default: say("no such role: \(role)")
    }
}
Task {
    do {
        try await work.value
    } catch {
        say("failed: \(error)")
    }
}
await cues.end()
exit(0)
