// Does the steps of a model that come on standard input, and says where a replica is not what it is in the model.
//
//   model.py FIRST COUNT | Schedules COUNT
import FoundationEssentials
import Glibc

let count = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 0
var replay = Replay()
do {
    while let line = readLine() { try replay.take(line) }
    if replay.ended != count {
        throw Difference("the model has ended after \(replay.ended) of \(count) schedules; run it alone to see why")
    }
} catch {
    print("\(replay.place): \(error)")
    exit(1)
}
