/// What the log says of one task: of its last try, where it was tried again.
struct JobLogEntry: Sendable {
    let line: Int
    /// The seconds since 1970 at which the task was given to a worker, and how long it took.
    let start: Double
    let runtime: Duration
    let task: [UInt8]
    /// The size of the answer in bytes.
    var received = 0
    var failure: TaskFailure?

    /// The columns, with tabs between them. The task comes last and as it was read, so that tabs in it do no harm.
    var textLine: [UInt8] {
        // As GNU parallel: `:` is this machine, and -1 the status of a job that did not end by itself.
        let (status, signal): (Int32, Int32) =
            switch (failure, failure?.ending) {
            case (nil, _): (0, 0)
            case (_, .exited(let status)?): (status, 0)
            case (_, .signaled(let signal)?): (0, signal)
            case (_, nil): (-1, 0)
            }
        let columns = [
            "\(line)", ":", Self.seconds(start), Self.seconds(runtime / .seconds(1)), "\(task.count)", "\(received)",
            "\(status)", "\(signal)",
        ]
        return Array((columns.joined(separator: "\t") + "\t").utf8) + task
    }

    /// With three decimals.
    private static func seconds(_ seconds: Double) -> String {
        let thousandths = Int((seconds * 1000).rounded())
        let rest = String(thousandths % 1000)
        return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }
}
