import ArgumentParser
import ConnectTo

struct Doctor: BusCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Find out why a name cannot be registered or reached.",
        discussion: """
            Tries everything once: the bus, the limits, the permission to own a name and to talk to it, and NAME if \
            given, with its service file. Says what to do about each problem. Exits with 0 only if all is well, else \
            with the code that the first problem leads to. Each check has five seconds, and all of them together ten. \
            Calls no listener and starts none: whether a listener admits this program, only connect to NAME tells. \
            With --json one object for each check: \
            {"check":…,"ok":true,"message":…,"advice":null}.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "A name to check.")
    var name: String?

    func work(in program: Program) async throws -> ExitStatus {
        let origin = try common.givenOrigin() ?? ContextName.defaultOrigin
        let context = try name.map { name throws(Failure) in try common.contextName(name) }
        var status = ExitStatus.success
        for try await finding in examination(origin: origin, context?.name) {
            if status == .success, let problem = finding.problem { status = problem }
            if program.report.isJSON {
                try await program.report.textLine(finding.object.bytes)
            } else {
                for line in finding.lines { try await program.report.textLine(line) }
            }
        }
        return status
    }

    /// The findings, one after the other, as the checks end.
    private func examination(origin: String, _ name: String?) -> AsyncThrowingStream<Finding, any Error> {
        let (findings, sink) = AsyncThrowingStream<Finding, any Error>.makeStream()
        Task.onLoop {
            sink.yield(Diagnosis.versions)
            sink.yield(Diagnosis.descriptors)
            do throws(Failure) {
                let bus = try await common.openBus()
                await examine(bus, origin: origin, name) { sink.yield($0) }
                sink.finish()
            } catch {
                // A wrong argument is an error of the user, not a finding.
                if error.status == .usage { return sink.finish(throwing: error) }
                sink.yield(Diagnosis.unreachable(error))
                sink.finish()
            }
        }
        return findings
    }

    /// Each check has a time limit, and all checks together have twice that. The first check that takes longer is the
    /// last one, since the bus would keep the others waiting too.
    private func examine(
        _ bus: Bus, origin: String, _ name: String?, _ tell: @escaping @Sendable (Finding) -> Void
    ) async {
        let end = SuspendingClock.now + TimeLimit.answer * 2
        /// - Returns: nil if the check failed or was not done in time; then no further check is made.
        func check<Result: Sendable>(
            _ name: String, _ work: @escaping @Sendable () async throws(ConnectToError) -> Result
        ) async -> Result? {
            let limit = min(TimeLimit.answer, SuspendingClock.now.duration(to: end))
            let outcome = await within(limit) { () async -> Swift.Result<Result, ConnectToError> in
                do throws(ConnectToError) {
                    return .success(try await work())
                } catch {
                    return .failure(error)
                }
            }
            switch outcome {
            case .success(let result)?: return result
            case .failure(let error)? where error.code != .timedOut:
                tell(Finding(check: name, message: error.message, problem: Failure(error).status))
            default: tell(Diagnosis.unanswered(name))
            }
            return nil
        }

        let isSystem = common.bus == "system"
        let opened = await check("bus") { () async throws(ConnectToError) in
            try await Diagnosis(of: bus, origin: origin, isSystem: isSystem)
        }
        guard let diagnosis = opened else { return }
        tell(diagnosis.bus)
        tell(diagnosis.sandbox)
        guard let own = await check("own", { () async throws(ConnectToError) in await diagnosis.own() }) else { return }
        tell(own.finding)
        if let context = own.context {
            let talk = await check("talk") { () async throws(ConnectToError) in await diagnosis.talk(to: context) }
            _ = await within(TimeLimit.advice) { await context.unregister() }
            guard let talk else { return }
            tell(talk)
        }
        guard let name else { return }
        let service = await check("service") { () async throws(ConnectToError) in
            try await diagnosis.service(for: name)
        }
        guard let service else { return }
        if let finding = service { tell(finding) }
        let context = await check("name") { () async throws(ConnectToError) in
            try await diagnosis.context(name) { common.calling(name, $0) }
        }
        if let context { tell(context) }
    }
}
