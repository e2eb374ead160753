import ArgumentParser
import ConnectTo
import ConnectToMessaging

struct Call: BusCommand {
    static let configuration = CommandConfiguration(
        commandName: "call",
        abstract: "Ask a program that answers requests, and print its answer.",
        discussion: """
            Sends one request of the type TYPE to the program that has NAME (connect serve, or any program of the \
            library ConnectToMessaging), and prints what it answers: text and JSON as a text line, bytes as they are.

            PAYLOAD is sent as text, or as bytes where it is not UTF-8; - stands for all of standard input, whose last \
            newline does not count. Without PAYLOAD the request has none.

            A request that the other program answers with a failure is one text line on standard error, with its text \
            and code, and exits with 70. With --json, standard output carries {"event":"answer"|"element"|"end"|\
            "failure"|"error",…}; "failure" has the members "code" and "message", and its details as "text", "json" or \
            "base64".
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "The name to call.")
    var name: String

    @Argument(help: "The type of the request.")
    var type: String

    @Argument(help: "What is asked; - reads it from standard input.")
    var payload: String?

    @Flag(help: "Ask for many answers, and print each as it comes. There is no time limit unless --timeout sets one.")
    var more = false

    @OptionGroup var options: RequestOptions

    @Option(
        help: ArgumentHelp(
            "Store the files that come with the answer in this directory, under the name that the answer gives.",
            discussion:
                "Without it files are closed, and connect exits with 74.", valueName: "dir"),
        completion: .directory)
    var save: String?

    @Flag(help: "With --save, overwrite files that exist.")
    var force = false

    func validate() throws {
        if force, save == nil { throw ValidationError("--force needs --save") }
    }

    func work(in program: Program) async throws -> ExitStatus {
        let (name, origin) = try common.contextName(name)
        let type = try RequestType.checked(type)
        let input = try RequestPayload(payload, options)
        let store = try save.map { path throws(Failure) in try FileStore(path, overwrites: force) }
        let line = RequestLine(to: name, type: type, options)
        let answers = Answers(report: program.report, name: name, store: store)
        program.atEnd { _ in store?.abandon() }
        try await line.run(input, options, common, origin: origin, in: program) { messenger, payload in
            do {
                if more {
                    let elements = try messenger.stream(
                        type, payload, to: options.peer, within: line.timeLeft(orElse: nil))
                    for try await element in elements { try await answers.show(element, as: "element") }
                    try await program.report.event(["event": .string("end")])
                } else {
                    let limit = line.timeLeft(orElse: RequestLine.usualTime)
                    let answer = try await messenger.request(type, payload, to: options.peer, within: limit)
                    try await answers.show(answer, as: "answer")
                }
            } catch let error as CallError {
                if error.stage == nil, error.reason == nil, error.code != .timedOut {
                    try await Self.tell(error, program.report)
                }
                throw error
            }
        }
        if let failure = answers.failure {
            if failure.message == nil { return failure.status }
            throw failure
        }
        return .success
    }

    /// With `--json`: what the other program has said of the request.
    private static func tell(_ error: CallError, _ report: Report) async throws(Failure) {
        guard report.isJSON else { return }
        let event: JSONObject = [
            "event": .string("failure"), "code": .string(error.code.rawValue), "message": .string(error.message),
        ]
        guard let details = error.details else { return try await report.event(event) }
        for thing in details.transferred { thing.close() }
        try await report.textLine(MessageEvent(details, in: event))
    }
}
