import ArgumentParser
import ConnectTo
import ConnectToMessaging

/// What `call` and `post` have in common: how to reach the name, and what goes along.
struct RequestOptions: ParsableArguments {
    @OptionGroup var calls: CallsOptions

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
            discussion: "Exits with 68 where the hub does not have that program.",
            valueName: "id"))
    var peer: String?

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

    var form: PayloadForm { PayloadForm(asJSON: asJSON, bytes: bytes) }
}
