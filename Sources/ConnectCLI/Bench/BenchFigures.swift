/// What `connect bench` found.
struct BenchFigures: Sendable {
    let roundTrip: BenchTimes
    /// Messages a second.
    let rate64: Double
    let rate1024: Double
    /// GiB a second.
    let bulk1: Double
    let bulk64: Double
    let buffer16: Double
    /// Nil where there is no bus.
    var introductions: BenchIntroductions?

    /// Stable members; rates are messages a second, bulk and buffer GiB a second.
    var object: JSONObject {
        [
            "roundtrip_us": .object(roundTrip.object), "rate_64": .integer(Int(rate64)),
            "rate_1024": .integer(Int(rate1024)), "bulk_1mib": .decimal(bulk1),
            "bulk_64mib": .decimal(bulk64),
            "buffer_16mib": .decimal(buffer16),
            "connect_us": introductions.map {
                .object(["first": .object($0.first.object), "warm": .object($0.warm.object)])
            } ?? .null,
        ]
    }

    var table: Table {
        var table = Table(header: ["WHAT", "MEDIAN", "P99"])
        func times(_ what: String, _ times: BenchTimes?) {
            let cells = times.map { [$0.p50, $0.p99].map { "\(JSONObject.decimal($0)) µs" } }
            table.append([what] + (cells ?? ["not measured", ""]))
        }
        times("64 B there and back", roundTrip)
        table.append(["64 B one way", "\(Int(rate64)) messages/s", ""])
        table.append(["1 KiB one way", "\(Int(rate1024)) messages/s", ""])
        for (what, rate) in [
            ("1 MiB, with an answer", bulk1), ("64 MiB, with an answer", bulk64),
            ("SharedBuffer of 16 MiB, passed again", buffer16),
        ] { table.append([what, "\(JSONObject.decimal(rate)) GiB/s", ""]) }
        times("connectTo to first message, known caller", introductions?.warm)
        times("connectTo to first message, new caller", introductions?.first)
        return table
    }
}

struct BenchIntroductions: Sendable {
    /// From a connection that the listener has not seen before.
    let first: BenchTimes
    let warm: BenchTimes
}

/// How long something took, each time.
struct BenchTimes: Sendable {
    private var microseconds: [Double] = []

    mutating func append(_ time: Duration) {
        microseconds.append(time.microseconds)
    }

    var p50: Double { quantile(0.5) }
    var p99: Double { quantile(0.99) }

    private func quantile(_ part: Double) -> Double {
        if microseconds.isEmpty { return 0 }
        return microseconds.sorted()[Int(Double(microseconds.count - 1) * part)]
    }

    /// GiB a second, if each time so many bytes went.
    func rate(of size: Int) -> Double {
        Double(size) / Double(1 << 30) / (p50 / 1e6)
    }

    var object: JSONObject { ["p50": .decimal(p50), "p99": .decimal(p99)] }
}

extension Duration {
    var microseconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) * 1e6 + Double(attoseconds) / 1e12
    }
}
