import ArgumentParser
import ConnectTo

/// What a listener does where its name is taken, or wanted by another one.
struct OwnershipOptions: ParsableArguments {
    @Flag(help: "If the name is taken, wait, and take it over when its owner goes.")
    var standby = false

    @Flag(help: "Take the name over from a listener that was started with --replaceable.")
    var replace = false

    @Flag(help: "Let another listener take the name over with --replace.")
    var replaceable = false

    var ownership: ContextOptions.Ownership {
        var ownership: ContextOptions.Ownership = []
        if standby { ownership.insert(.standby) }
        if replace { ownership.insert(.replacesExisting) }
        if replaceable { ownership.insert(.allowsReplacement) }
        return ownership
    }
}
