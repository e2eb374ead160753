import CBench
import ConnectTo
import Glibc
import Synchronization

/// What one run measures.
struct Work: Sendable {
    let what: String
    /// Of a message in bytes, or how many ports or contexts.
    let size: Int
    /// How long to measure.
    let seconds: Double
    /// Where to meet the other process.
    let address: String
    /// Whether the tasks run on the ports' loop, in place of Swift's pool of threads.
    let isOnLoop: Bool
    /// Whether the loop looks for a while before it sleeps.
    let spins: Bool

    init(_ arguments: [String]) {
        guard arguments.count == 4, let seconds = Double(arguments[3]) else {
            fail("usage: Bench WHAT SIZE SECONDS")
        }
        what = arguments[1]
        size = Int(arguments[2]) ?? 0
        self.seconds = seconds
        address = environment("BENCH_BUS") ?? ""
        let place = environment("BENCH_WHERE")
        spins = place == "spin"
        isOnLoop = place == "loop" || spins
    }

    /// `Bench serve N 0` is the other process of process N, and N is part of its context's name. `Bench hold N 0` is
    /// one with N contexts more, for others to look at.
    var isServer: Bool { what == "serve" || what == "hold" }

    var executor: (any TaskExecutor)? {
        get throws {
            if spins { try EventLoop.shared.spinTime = .milliseconds(1) }
            return isOnLoop ? try EventLoop.shared.executor : nil
        }
    }

    func run() async throws {
        if isServer { return try await Server(work: self).run() }
        if what == Self.worker { return try await serveTasks() }
        if what.hasPrefix("pool") { return try await measurePool() }
        let far = try await FarProcess(self)
        switch what {
        case "roundtrip", "spinning": try await roundTrip(far)
        case "burst": try await burst(far)
        case "oneway": try await oneWay(far)
        case "bulk": try await bulk(far)
        case "buffer": try await buffer(far)
        case "json": try await json(far)
        case "connect": try await connect(far)
        case "contexts": try await contexts(far)
        case "ports": try await ports(far)
        case "broadcast": try await broadcast(far)
        case "request": try await request(far)
        case "jsoncall": try await requestNotes(far)
        case "inflight": try await requestsInFlight(far)
        case "events": try await events(far)
        case "urgent": try await urgentEvents(far)
        case "callcast": try await broadcastEvents(far)
        case "gather": try await gather(far)
        case "messengers": try await messengers(far)
        default: fail("there is no measurement \(what)")
        }
        far.end()
    }

    // MARK: Saying it

    var name: String {
        spins ? "ConnectTo, spinning" : isOnLoop ? "ConnectTo, on the loop" : "ConnectTo"
    }

    func report(_ samples: inout Samples, as what: String? = nil) {
        bench_print_samples(name, what ?? self.what, size, &samples.values)
    }

    func report(_ value: Double, _ unit: String, as what: String? = nil) {
        bench_print(name, what ?? self.what, size, unit, value)
    }
}

/// Times in microseconds.
struct Samples {
    var values = bench_samples()

    mutating func add(since begin: Double) {
        bench_add(&values, bench_now() - begin)
    }

    var median: Double {
        mutating get { bench_quantile(&values, 0.5) }
    }

    var p99: Double {
        mutating get { bench_quantile(&values, 0.99) }
    }
}

func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

func fail(_ message: String) -> Never {
    let line = "Bench: \(message)\n"
    _ = line.withCString { write(2, $0, strlen($0)) }
    exit(1)
}

final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .relaxed) }

    /// - Returns: what it is now.
    @discardableResult
    func increment() -> Int { count.add(1, ordering: .relaxed).newValue }

    func set(_ value: Int) { count.store(value, ordering: .relaxed) }
}

/// Measuring what did not arrive intact is worth nothing.
func check(_ condition: Bool, _ what: @autoclosure () -> String) {
    if !condition { fail(what()) }
}

extension Message {
    func isStamped(_ number: UInt64) -> Bool {
        withUnsafeBytes { bench_is_stamped($0.baseAddress, $0.count, number) != 0 }
    }
}

extension [UInt8] {
    mutating func stamp(_ number: UInt64) {
        withUnsafeMutableBytes { bench_stamp($0.baseAddress, $0.count, number) }
    }
}
