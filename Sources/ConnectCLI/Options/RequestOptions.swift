import ArgumentParser
import ConnectTo
import ConnectToMessaging

/// What `call` and `post` have in common: how to reach the name, and what goes along.
struct RequestOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Wait this long for the name to be registered and its listener to admit this program; without it a missing name fails at once.",
            discussion:
                "Without it a listener has 5 seconds to answer. A bus that is not running is not waited for (69 at once).",
            valueName: "seconds"),
        transform: SecondsArgument.init)
    var wait: SecondsArgument?

    @Option(
        help: ArgumentHelp(
            "Send nothing unless the owner of the name matches RULE, which is checked first.",
            discussion: "\(PeerRule.discussion) Another owner of the name is 77.", valueName: "rule"),
        transform: PeerRule.parse)
    var expect: Admission?

    @Flag(name: .customLong("as-json"), help: "Send PAYLOAD as JSON. Malformed JSON is not sent (65).")
    var asJSON = false

    @Flag(help: "Send PAYLOAD as bytes, byte for byte.")
    var bytes = false

    @Option(
        name: .customLong("file"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Pass open files along, one path or more; without PAYLOAD their base names are the payload, a text line each.",
            valueName: "path"),
        completion: .file())
    var files: [String] = []

    @Option(
        help: ArgumentHelp(
            "Ask or tell the program with this id through the hub that has NAME.",
            discussion: "A hub drops an event for a program that it does not have; call fails then, with 68.",
            valueName: "id"))
    var peer: String?

    @Option(name: .customLong("as"), help: ArgumentHelp("The id to ask a hub for.", valueName: "id"))
    var id: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Exit with 75 if all of it takes longer.",
            discussion: "Without it there are 5 seconds once the listener has admitted this program.",
            valueName: "seconds"),
        transform: SecondsArgument.init)
    var timeout: SecondsArgument?

    func validate() throws {
        if asJSON, bytes { throw ValidationError("--as-json and --bytes exclude each other; leave out one") }
    }

    /// How the name is called.
    var connecting: ConnectOptions {
        var options = ConnectOptions(wait: WaitPolicy(wait), expected: expect)
        options.format = .calls
        if let id { options.metadata = ["as": id] }
        return options
    }

    var form: PayloadForm { PayloadForm(asJSON: asJSON, bytes: bytes) }
}

extension WaitPolicy {
    /// What `--wait` says.
    init(_ wait: SecondsArgument?) {
        if let wait, wait.duration > .zero {
            self = .untilAvailable(for: wait.duration)
        } else {
            self = .now
        }
    }
}
