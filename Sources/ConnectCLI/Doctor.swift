import ArgumentParser
import ConnectTo

struct Doctor: ProgramCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look for what keeps names from being registered and reached.",
        discussion: """
            Tries everything once: the bus, the limits, the permission to own a name and to talk to it, and NAME if \
            given; says what to do about what does not work. Exits with 0 only if all is well, else with the code \
            that the first problem would give. Starts nothing. With --json one object for each check: \
            {"check":…,"ok":true,"message":…,"advice":null}.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "A name to look for.")
    var name: String?

    func work(in program: Program) async throws -> ExitStatus {
        let origin = try common.givenOrigin() ?? ContextName.defaultOrigin
        let context = try name.map { name throws(Failure) in try common.contextName(name) }
        var status = ExitStatus.success
        for try await finding in examination(origin: origin, context?.name) {
            if status == .success, let problem = finding.problem { status = problem }
            if program.report.isJSON {
                try await program.report.line(finding.object.bytes)
            } else {
                for line in finding.lines { try await program.report.line(line) }
            }
        }
        return status
    }

    /// One finding after the other, as they come in.
    private func examination(origin: String, _ name: String?) -> AsyncThrowingStream<Finding, any Error> {
        let (findings, sink) = AsyncThrowingStream<Finding, any Error>.makeStream()
        Task.onLoop {
            do {
                sink.yield(Diagnosis.versions)
                sink.yield(Diagnosis.descriptors)
                let bus: Bus
                do throws(Failure) {
                    bus = try await common.openBus()
                } catch {
                    // A wrong argument is no finding.
                    if error.status == .usage { throw error }
                    sink.yield(Diagnosis.unreachable(error))
                    return sink.finish()
                }
                let diagnosis = try await Diagnosis(of: bus, origin: origin, isSystem: common.bus == "system")
                sink.yield(diagnosis.bus)
                sink.yield(diagnosis.sandbox)
                for await finding in diagnosis.permissions() { sink.yield(finding) }
                if let name { sink.yield(try await diagnosis.context(name)) }
                sink.finish()
            } catch {
                sink.finish(throwing: error)
            }
        }
        return findings
    }
}
