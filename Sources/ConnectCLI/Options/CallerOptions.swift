import ArgumentParser
import ConnectTo
import ConnectToMessaging

/// How a name is reached, for all subcommands that connect to one.
struct CallerOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Wait this long for the name to be registered and its listener to answer; without it a missing name fails at once.",
            discussion:
                "Without it a listener has 5 seconds to answer. A bus that is not running is not waited for (69 at once).",
            valueName: "seconds"),
        transform: SecondsArgument.init)
    var wait: SecondsArgument?

    @Option(
        help: ArgumentHelp(
            "Connect to nothing but an owner of the name that matches RULE, which is checked before anything is sent.",
            discussion: "\(PeerRule.discussion) Another owner of the name is 77.", valueName: "rule"),
        transform: PeerRule.parse)
    var expect: Admission?

    /// What `--wait` says.
    var policy: WaitPolicy {
        guard let wait, wait.duration > .zero else { return .now }
        return .untilAvailable(for: wait.duration)
    }
}

/// How a name whose lines carry calls is reached.
struct CallsOptions: ParsableArguments {
    @OptionGroup var caller: CallerOptions

    @Option(name: .customLong("as"), help: ArgumentHelp("The id to ask a hub for.", valueName: "id"))
    var id: String?

    /// How to connect.
    var connecting: ConnectOptions {
        var options = ConnectOptions(wait: caller.policy, expected: caller.expect, format: .calls)
        if let id { options.metadata = ["as": id] }
        return options
    }
}
