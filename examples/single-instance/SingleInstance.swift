import ConnectTo
import ConnectToMessaging
@preconcurrency import Glibc

/// An application that runs once: a second start hands its arguments to the first one, prints the answer, and ends with
/// the first one's exit code.
@main struct SingleInstance {
    static func main() async {
        setvbuf(stdout, nil, _IOLBF, 0)  // each line at once, into a pipe too
        do { exit(try await run(Array(CommandLine.arguments.dropFirst()))) } catch {
            fputs("single-instance: \(error)\n", stderr)
            exit(1)
        }
    }

    static func run(_ arguments: [String]) async throws -> Int32 {
        let bus = try await Bus.session()
        let replaces = arguments.first == "--replace"
        let start = Start(arguments: replaces ? Array(arguments.dropFirst()) : arguments, directory: directory())
        // Who owns the name is the first. So no two starts can both be it, however close together they come.
        let ownership: ContextOptions.Ownership =
            replaces ? [.replacesExisting, .allowsReplacement] : .allowsReplacement
        do {
            let options = ContextOptions(ownership: ownership, format: .calls)
            let context = try await bus.register(Application.name, options: options)
            return try await run(start, asFirst: context)
        } catch ConnectToError.Code.nameTaken {
            return try await hand(start, toFirstOn: bus)
        } catch { throw error }
    }

    /// This is the first start: it does what the later ones ask for, until another takes its place.
    static func run(_ start: Start, asFirst context: Context) async throws -> Int32 {
        print(open(start).text)
        let handlers = Handlers()
        handlers.on(Application.start) { start, _ in
            let outcome = open(start)
            print(outcome.text)
            return outcome
        }
        do {
            try await context.serve { event in
                try await Messenger(event.source, peer: event.peer, handlers: handlers).waitUntilClosed()
            }
        } catch ConnectToError.Code.contextEnded where context.endReason == .replaced {
            print("another start has taken over")
        } catch { throw error }
        return 0
    }

    /// This is a later start.
    static func hand(_ start: Start, toFirstOn bus: Bus) async throws -> Int32 {
        do {
            let options = ConnectOptions(wait: .untilAvailable(for: .seconds(2)))
            let first = try await bus.messenger(to: Application.name, options: options)
            let outcome = try await first.request(Application.start, start, within: .seconds(2))
            print(outcome.text)
            return outcome.exitCode
        } catch {
            // The bus knows which process has the name, even where that process is stopped.
            guard let owner = try await bus.info(Application.name)?.owner, let pid = owner.pid else { throw error }
            fputs(
                """
                single-instance: the first start, process \(pid), does not answer (\(error)). \
                Start with --replace to take its place.\n
                """, stderr)
            return EX_TEMPFAIL
        }
    }

    /// What the application is for: here it says only which files it opens.
    static func open(_ start: Start) -> Outcome {
        let paths = start.arguments.map { $0.hasPrefix("/") ? $0 : "\(start.directory)/\($0)" }
        if let missing = paths.first(where: { access($0, R_OK) != 0 }) {
            return Outcome(text: "cannot open \(missing)", exitCode: EX_NOINPUT)
        }
        return Outcome(
            text: paths.isEmpty ? "nothing to open" : paths.map { "opened \($0)" }.joined(separator: "\n"), exitCode: 0)
    }

    static func directory() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }
}
