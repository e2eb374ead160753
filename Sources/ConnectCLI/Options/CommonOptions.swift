import ArgumentParser
import ConnectTo

/// The options that every subcommand has that uses a bus.
struct CommonOptions: ParsableArguments, Sendable {
    @OptionGroup var output: OutputOptions

    @Option(
        help: ArgumentHelp(
            "The origin that the name belongs to, a reverse-DNS application id.",
            discussion:
                "\(ContextName.defaultOrigin) if not given; list and watch show all origins then.",
            valueName: "id"))
    var origin: String?

    @Option(
        help: ArgumentHelp("session, system, or the address of a bus.", valueName: "bus"),
        completion: .list(["session", "system"]))
    var bus = "session"

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How long the bus may be away before it counts as lost (69); 60 if not given.",
            discussion: "A bus that is not running at the start is not waited for (69 at once).", valueName: "seconds"),
        transform: SecondsArgument.init)
    var patience: SecondsArgument?

    /// - Throws: ``Failure`` 64 if `--origin` is not UTF-8 or not a valid origin.
    func givenOrigin() throws(Failure) -> String? {
        guard let origin else { return nil }
        guard let text = ArgumentBytes.text(of: origin) else {
            throw Failure(.usage, "--origin is not UTF-8; give an id such as org.example.App")
        }
        do throws(ConnectToError) {
            // Any valid name will do: only the origin is checked here.
            _ = try ContextName("x", origin: text)
        } catch { throw Failure(error) }
        return text
    }

    /// The checked name and origin to listen on or to connect to.
    /// - Throws: ``Failure`` 64 if either is not valid.
    func contextName(_ argument: String) throws(Failure) -> (name: String, origin: String) {
        guard let name = ArgumentBytes.text(of: argument) else {
            throw Failure(.usage, "NAME is not UTF-8; give a name in UTF-8")
        }
        let origin = try givenOrigin() ?? ContextName.defaultOrigin
        do throws(ConnectToError) {
            _ = try ContextName(name, origin: origin)
        } catch { throw Failure(error) }
        return (name, origin)
    }

    /// Connects to the bus.
    /// - Throws: ``Failure``: 64 if `--bus` names no bus, 69 if the bus cannot be reached.
    func openBus() async throws(Failure) -> Bus {
        let limits = patience.map { patience in
            var limits = BusLimits()
            limits.absence = patience.duration
            return limits
        }
        do throws(ConnectToError) {
            switch bus {
            case "session": return try await Bus.session(limits: limits)
            case "system": return try await Bus.system(limits: limits)
            default: break
            }
            if let address = ArgumentBytes.text(of: bus), address.contains(":") {
                return try await Bus.at(address, limits: limits)
            }
        } catch { throw Failure(error) }
        let example = bus.hasPrefix("/") ? "unix:path=\(TerminalText.escaped(bus))" : "unix:path=/run/…"
        throw Failure(
            .usage,
            "--bus \(TerminalText.escaped(bus)) is not a bus; give session, system or an address such as \(example)")
    }
}

extension CommonOptions {
    /// The command line that calls another subcommand with the name, on the same bus and under the same origin.
    func commandLine(_ subcommand: String, _ name: String) -> String {
        var words = ["connect", subcommand]
        if let origin { words += ["--origin", origin] }
        if bus != "session" { words += ["--bus", bus] }
        words += name.hasPrefix("-") ? ["--", name] : [name]
        return words.map(ShellWord.quoted).joined(separator: " ")
    }

    /// The failure for a name that is not registered.
    func missing(_ name: String, _ origin: String, on bus: Bus) async -> Failure {
        let canStart = await within(TimeLimit.advice) { try? await bus.canStart(name, origin: origin) }
        let label = "\"\(TerminalText.escaped(name))\""
        return Failure(
            .noSuchName,
            canStart == true
                ? "no program has registered \(label) now, but a call starts it: \(commandLine("to", name))"
                : "no program has registered \(label) under \(origin); start its listener, or see "
                    + commandLine("doctor", name))
    }
}
