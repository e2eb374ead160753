extension To {
    /// Parses the call that scripts make by the thousand: a name, messages, and the few options that go with them. Nil
    /// for anything else, which ArgumentParser then judges.
    ///
    /// ArgumentParser looks up its types at run time among all types of the program, which takes twice as long as the
    /// call itself.
    init?(plain arguments: some Sequence<String>) {
        var common = CommonOptions()
        var output = OutputOptions()
        (output.json, output.quiet) = (false, false)
        (common.origin, common.bus, common.patience) = (nil, "session", nil)
        var caller = CallerOptions()
        (caller.wait, caller.expect) = (nil, nil)
        (messages, replies, noReply) = ([], nil, false)
        (asJSON, bytes, files, raw, reconnect, timeout) = (false, false, [], false, false, nil)

        var words: [String] = []
        var rest = arguments.makeIterator()
        while let argument = rest.next() {
            switch argument {
            case "--no-reply": noReply = true
            case "--json": output.json = true
            case "--as-json": asJSON = true
            case "--quiet", "-q": output.quiet = true
            case "--bus":
                guard let bus = rest.next(), !bus.hasPrefix("-") else { return nil }
                common.bus = bus
            case "--wait":
                guard let seconds = rest.next().flatMap({ try? SecondsArgument($0) }) else { return nil }
                caller.wait = seconds
            default:
                if argument.hasPrefix("-") { return nil }
                words.append(argument)
            }
        }
        guard let name = words.first else { return nil }
        self.name = name
        messages = Array(words.dropFirst())
        common.output = output
        (self.common, self.caller) = (common, caller)
        do { try validate() } catch { return nil }
    }
}
