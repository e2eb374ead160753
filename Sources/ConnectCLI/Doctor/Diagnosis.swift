import ArgumentParser
import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import Glibc

/// The result of one check of `doctor`, with advice.
struct Finding: Sendable {
    /// The check's name. It is part of the stable output.
    let check: String
    /// What the check found, for people.
    let message: String
    /// What to do next if something is wrong or may be wrong.
    var advice: String?
    /// The exit status that the problem would give another subcommand; nil if there is no problem.
    var problem: ExitStatus?

    var lines: [String] {
        let label = problem == nil ? "ok" : "PROBLEM"
        let first = label + String(repeating: " ", count: 9 - label.count) + "\(check): "
        return [first + TerminalText.escaped(message)]
            + (advice.map { [String(repeating: " ", count: 9) + "→ " + TerminalText.escaped($0)] } ?? [])
    }

    var object: JSONObject {
        [
            "check": .string(check), "ok": .boolean(problem == nil), "message": .string(message),
            "advice": .optional(advice),
        ]
    }
}

/// The checks that `doctor` makes on one bus.
struct Diagnosis: Sendable {
    let connection: Bus
    let origin: String
    let isSystem: Bool
    private let info: BusInfo
    private let route: BusRoute
    private var box: BusRoute.Sandbox? { route.sandbox }
    private var proxy: Peer? { route.proxy }

    init(of bus: Bus, origin: String, isSystem: Bool) async throws(ConnectToError) {
        connection = bus
        self.origin = origin
        self.isSystem = isSystem
        info = try await bus.info()
        route = BusRoute(info)
    }

    // MARK: Without a bus

    static var versions: Finding {
        Finding(
            check: "versions",
            message: "connect \(Connect.configuration.version), protocol \(Bus.protocolVersion), "
                + "libdbus \(Bus.libdbusVersion)")
    }

    /// A lower limit leaves few descriptors for lines, beside those that the library holds in reserve.
    private static let fewDescriptors: rlim_t = 256

    static var descriptors: Finding {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(bitPattern: RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return Finding(check: "descriptors", message: "the limit of open files cannot be read")
        }
        let isLow = limit.rlim_cur < fewDescriptors
        return Finding(
            check: "descriptors",
            message:
                "this process may have \(limit.rlim_cur) files open (hard limit \(limit.rlim_max)); each line takes one",
            advice: isLow ? "raise the limit before the program starts: ulimit -n 1024" : nil,
            problem: isLow ? .busUnavailable : nil)
    }

    static func unreachable(_ failure: Failure) -> Finding {
        let message = failure.message ?? "the bus cannot be reached"
        // Another session would not help where the bus refuses this user.
        let isRefused = failure.cause == .error(.userRefused)
        return Finding(
            check: "bus",
            // The error's advice stands beside it here.
            message: isRefused ? message.replacing("; \(UserNamespace.advice)", with: "") : message,
            advice: isRefused
                ? UserNamespace.advice
                : "run inside a desktop session, or under dbus-run-session, or name a bus with --bus",
            problem: failure.status)
    }

    /// The finding for a check that was not done in time.
    static func unanswered(_ check: String) -> Finding {
        Finding(
            check: check, message: "the bus has not answered within 5 s for this check, or within 10 s for all checks",
            advice: "check whether the bus is stopped or overloaded; the remaining checks were left out",
            problem: .timedOut)
    }

    // MARK: The bus, and what is between

    var bus: Finding {
        let process = info.daemon.flatMap { $0.pid == nil ? nil : $0.label }
        let limit = info.daemon?.pid.flatMap(openFilesLimit).map { ", at most \($0) open files" }
        return Finding(
            check: "bus",
            message: "\(connection.address): \(process ?? "an unknown process"), "
                + "\(info.nameCount) names\(limit ?? "")")
    }

    var sandbox: Finding {
        let name = box.map(\.description)
        let prefix = name.map { "\($0); " } ?? ""
        let advice = "through a proxy, a name without permission looks as if it were not registered"
        if let proxy {
            return Finding(
                check: "sandbox",
                message: "\(prefix)the bus sees \(proxy.label), a D-Bus proxy, in place of this process",
                advice: advice)
        }
        if route.isInNamespace {
            return Finding(
                check: "sandbox",
                message:
                    "\(prefix)the bus, or a proxy before it, is in another pid namespace than this process (a container?), "
                    + "or /proc is that of another pid namespace",
                advice: "processes are not known here, so a rule about executables matches no program; \(advice)")
        }
        return Finding(check: "sandbox", message: name.map { "\($0), without a proxy" } ?? "no sandbox and no proxy")
    }

    // MARK: Permissions

    /// Registers a name for this check, as any program would.
    func own() async -> (finding: Finding, context: Context?) {
        do throws(ConnectToError) {
            let context = try await connection.register("connect-doctor-\(getpid())", origin: origin)
            return (Finding(check: "own", message: "names under \(origin) can be registered"), context)
        } catch {
            let isUnanswered = error.code == .timedOut || error.code == .busLost
            let finding = Finding(
                check: "own", message: error.message, advice: isUnanswered ? nil : ownAdvice,
                problem: Failure(error).status)
            return (finding, nil)
        }
    }

    /// Calls the name that ``own()`` registered, as its caller would.
    func talk(to context: Context) async -> Finding {
        do {
            // Use a second connection, so that the call goes through the bus and not within this process.
            let caller = try await Bus.makeSeparate(at: connection.address)
            let port = caller.connectTo(context.name, origin: origin, options: ConnectOptions(wait: .now))
            do throws(PortError) {
                try await port.waitUntilOpen()
            } catch {
                let reason = port.closeReason
                return Finding(
                    check: "talk", message: reason?.detail ?? error.message,
                    advice: talkAdvice(context.busName),
                    problem: reason.flatMap { Failure($0, peer: context.name)?.status } ?? .refused)
            }
            port.close()
            return Finding(check: "talk", message: "a context can be called, and a line reaches it")
        } catch {
            let failure = Failure(error)
            return Finding(check: "talk", message: failure.message ?? "", problem: failure.status)
        }
    }

    private var ownAdvice: String {
        if let box { return box.advice("own", "\(origin).*") }
        if proxy != nil { return "allow it in the proxy: --own=\(origin).*" }
        if route.isInNamespace {
            return "allow it in the proxy, if there is one: --own=\(origin).*; "
                + "else look for <deny own…/> in the bus's configuration"
        }
        return isSystem
            ? "give the bus a policy such as dbus/org.connectto.conf"
            : "look for <deny own…/> in the bus's configuration, or try --origin with an id of your own"
    }

    private func talkAdvice(_ busName: String) -> String {
        if let box { return box.advice("talk", busName) }
        if proxy != nil { return "allow it in the proxy: --talk=\(busName)" }
        if route.isInNamespace {
            return "allow it in the proxy, if there is one: --talk=\(busName); "
                + "else look for <deny send…/> in the bus's configuration"
        }
        return "look for <deny send…/> in the bus's configuration"
    }

    // MARK: One context

    func label(_ name: String) -> String { "\"\(name)\" under \(origin)" }

    /// Whether a caller could reach a context now. Whether it would be admitted is left open: only a call tells, and a
    /// call that is admitted is a caller for the listener, which may count it, or start a command for it.
    /// - Parameter call: the command line of a call, by what the lines carry, in words.
    func context(_ name: String, call: (LineFormat) -> String) async throws(ConnectToError) -> Finding {
        let context = try ContextName(name, origin: origin)
        let label = self.label(name)
        guard let info = try await connection.info(name, origin: origin) else {
            if try await connection.canStart(name, origin: origin) {
                return Finding(
                    check: "name", message: "\(label) has no listener now; the bus starts it for a caller")
            }
            let isHidden = route.mayHideNames
            return Finding(
                check: "name",
                message: "no program has registered \(label)" + (isHidden ? ", or the name is hidden here" : ""),
                advice: isHidden
                    ? "start its listener; if it runs, \(talkAdvice(context.busName))"
                    : "start its listener, or look up name and origin with connect list",
                problem: .noSuchName)
        }
        let owner = info.owner.label
        if info.isSilent {
            return Finding(
                check: "name", message: "\(label) belongs to \(owner), which has not answered within a second",
                advice:
                    "check whether that program is stopped or busy; a caller waits five seconds for it, or those of --wait",
                problem: .timedOut)
        }
        if info.format == nil {
            return Finding(
                check: "name", message: "\(label) belongs to \(owner), which answers, but not as a context",
                advice:
                    "if connect to exits with 68 at once, that program is not a context: end it, or use another name",
                problem: .noSuchName)
        }
        if let format = info.format, ![.messages, .stream, .calls].contains(format) {
            return Finding(
                check: "name", message: "\(label) belongs to \(owner), which answers; lines to it carry \(format)",
                advice: "this version speaks messages, streams and calls: call it with a program that speaks \(format)")
        }
        return Finding(
            check: "name", message: "\(label) belongs to \(owner), which answers",
            advice: "whether it admits this program was not tried; \(call(info.format ?? .messages)) tries it")
    }
}

/// A process's soft limit of open descriptors; nil if this process may not read it. prlimit(2) tells it only of processes
/// of the same user, and a system bus has another.
private func openFilesLimit(of pid: Int32) -> Int? {
    guard let file = fopen("/proc/\(pid)/limits", "re") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let title = "Max open files"
        if text.hasPrefix(title) {
            return text.dropFirst(title.count).split(separator: " ").first.flatMap { Int($0) }
        }
    }
    return nil
}
