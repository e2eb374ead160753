/// How far the tasks are, how fast they go, and how long the rest takes.
///
/// How many tasks there are is known when the input has been read to its end. Before that, of a file, the part that is
/// done can be told in bytes.
struct TaskProgress: Sendable {
    private struct Sample {
        let time: Duration
        let done: Int
        let part: Double
    }

    private static let width = 30
    /// The rate is that of this time.
    private static let window = Duration.seconds(10)
    /// The distance of two samples.
    private static let interval = Duration.milliseconds(500)

    /// The size of the input in bytes; nil where it has none, as a pipe.
    let inputSize: Int?
    /// How many tasks there are, once that is known.
    var total: Int?
    private(set) var done = 0
    private(set) var failed = 0
    private var doneBytes = 0
    private var samples = [Sample(time: .zero, done: 0, part: 0)]

    init(inputSize: Int?) {
        self.inputSize = inputSize
    }

    mutating func add(_ outcome: TaskOutcome) {
        done += 1
        doneBytes += outcome.size
        if case .failure = outcome.result { failed += 1 }
    }

    /// The part that is done, from 0 to 1; nil while it is not known.
    private var part: Double? {
        if let total { return total == 0 ? 1 : Double(done) / Double(total) }
        guard let inputSize, inputSize > 0 else { return nil }
        return min(1, Double(doneBytes) / Double(inputSize))
    }

    /// The state in one text line.
    /// - Parameters:
    ///   - now: the time since the start.
    ///   - running: how many tasks are running.
    mutating func textLine(at now: Duration, running: Int) -> String {
        let part = part
        let oldest = samples[0]
        if let last = samples.last, now - last.time >= Self.interval {
            samples.append(Sample(time: now, done: done, part: part ?? 0))
            while samples.count > 2, now - samples[1].time >= Self.window { samples.removeFirst() }
        }
        let seconds = (now - oldest.time) / .seconds(1)
        var facts = [total.map { "\(done) of \($0) done" } ?? "\(done) done"]
        if failed > 0 { facts.append("\(failed) failed") }
        facts.append("\(running) running")
        if seconds > 0 { facts.append("\(Self.rate(Double(done - oldest.done) / seconds))/s") }
        guard let part else { return facts.joined(separator: ", ") }
        let speed = seconds > 0 ? (part - oldest.part) / seconds : 0
        if speed > 0 { facts.append("\(Self.time((1 - part) / speed)) left") }
        let filled = Int(part * Double(Self.width))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
        return "[\(bar)] \(Int(part * 100)) %, \(facts.joined(separator: ", "))"
    }

    /// With one decimal below 100: `12.5`, `340`.
    private static func rate(_ rate: Double) -> String {
        if rate >= 100 { return "\(Int(rate.rounded()))" }
        let tenths = Int((rate * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// In seconds, minutes and hours: `0:09`, `12:30`, `3:00:00`.
    private static func time(_ seconds: Double) -> String {
        let seconds = Int(min(seconds.rounded(.up), 1e9))
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
        let tail = twoDigits(seconds % 60)
        return hours > 0 ? "\(hours):\(twoDigits(minutes)):\(tail)" : "\(minutes):\(tail)"
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
