import ArgumentParser

/// The options that every subcommand has.
struct OutputOptions: ParsableArguments, Sendable {
    @Flag(help: "Write one JSON object on each text line of standard output.")
    var json = false

    @Flag(name: .shortAndLong, help: "Write nothing but errors to standard error.")
    var quiet = false
}
