import ArgumentParser
import ConnectTo

/// `connect bench`: how fast it is on this machine, between this process and another that it starts.
struct Bench: ProgramCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure how fast messages go on this machine.",
        discussion: """
            Between two processes that it starts itself, on a line of their own; introductions on the bus. With --json \
            one object: {"roundtrip_us":{"p50":…,"p99":…},"rate_64":…,"rate_1024":…,"bulk_1mib":…,"bulk_64mib":…,\
            "buffer_16mib":…,"connect_us":{"first":{"p50":…,"p99":…},"warm":{…}}}; rates are messages a second, bulk \
            and buffer are GiB a second. Without a bus connect_us is null.
            """)

    static let readerLoss = ReaderLoss.failure

    @OptionGroup var common: CommonOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The processors that the two processes run on; otherwise the system chooses.", valueName: "a,b"),
        transform: BenchProcessors.init)
    var cpus: BenchProcessors?

    @Flag(help: "Run the tasks on the ports' event loop, in place of Swift's pool of threads.")
    var loop = false

    @Flag(help: "Have both event loops stay awake for a while: needs a processor each.")
    var spin = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How long each of eight measurements takes; 1 if not given.", valueName: "seconds"),
        transform: Seconds.init)
    var seconds: Seconds?

    func validate() throws {
        if let seconds, seconds.duration == .zero {
            throw ValidationError("--seconds takes a time longer than 0: nothing is measured in none")
        }
    }

    func work(in program: Program) async throws -> ExitStatus {
        // The other's first, so that a wrong one is told here, and once.
        for isFirst in [false, true] { try cpus?.pin(first: isFirst) }
        if spin { try BenchPlace.spin() }
        let origin = try common.givenOrigin() ?? ContextName.defaultOrigin
        let report = program.report
        let figures = try await BenchProcess.run(arguments + ["--origin", origin]) { control in
            let run = BenchRun(control: control, duration: seconds?.duration ?? .seconds(1))
            return try await BenchPlace.run(onLoop: loop) {
                var figures = try await run.lines()
                do throws(Failure) {
                    figures.introductions = try await run.introductions(origin: origin) {
                        () throws(Failure) in
                        try await common.openBus()
                    }
                } catch {
                    if error.status != .busUnavailable { throw error }
                    await report.note("introductions are not measured: \(error.message ?? "there is no bus")")
                }
                return figures
            }
        }
        if report.isJSON {
            try await report.line(figures.object.bytes)
        } else {
            for line in figures.table.lines { try await report.line(line) }
        }
        return .success
    }

    /// Of the other process.
    private var arguments: [String] {
        var arguments = [BenchPeer.name, "--bus", common.bus]
        if let cpus { arguments += ["--cpus", cpus.text] }
        if loop { arguments.append("--loop") }
        if spin { arguments.append("--spin") }
        return arguments
    }
}
