import ArgumentParser
import ConnectTo
import ConnectToLinux
import Glibc

/// The checks that `doctor` makes on one bus.
struct Diagnosis: Sendable {
    let connection: Bus
    let origin: String
    let isSystem: Bool
    private let facts: BusFacts
    private let route: BusRoute
    private var box: Sandbox? { route.sandbox }
    private var proxy: Peer? { route.proxy }

    init(of bus: Bus, origin: String, isSystem: Bool) async throws(ConnectToError) {
        connection = bus
        self.origin = origin
        self.isSystem = isSystem
        facts = try await bus.facts()
        route = BusRoute(facts)
    }

    // MARK: Without a bus

    static var versions: Finding {
        Finding(
            check: "versions",
            message: "connect \(Connect.configuration.version), protocol \(BusFacts.protocolVersion), "
                + "libdbus \(BusFacts.libraryVersion)")
    }

    /// A lower limit leaves few descriptors for lines, beside those that the library holds in reserve.
    private static let fewDescriptors: rlim_t = 256

    static var descriptors: Finding {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(bitPattern: RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return Finding(check: "descriptors", message: "the limit cannot be read")
        }
        let isLow = limit.rlim_cur < fewDescriptors
        return Finding(
            check: "descriptors",
            message: "\(limit.rlim_cur) for a process, \(limit.rlim_max) at the most; each line takes one",
            advice: isLow ? "raise the limit before the program starts: ulimit -n 1024" : nil,
            problem: isLow ? .busUnavailable : nil)
    }

    static func unreachable(_ failure: Failure) -> Finding {
        let message = failure.message ?? "cannot be reached"
        // The bus is reachable but refuses this user, so another session would not help.
        let refusal = "; " + UserNamespace.advice
        let isRefused = message.hasSuffix(refusal)
        return Finding(
            check: "bus", message: isRefused ? String(message.dropLast(refusal.count)) : message,
            advice: isRefused
                ? UserNamespace.advice
                : "run inside a desktop session, or under dbus-run-session, or name a bus with --bus",
            problem: failure.status)
    }

    /// The finding for a check that was not done in time.
    static func unanswered(_ check: String) -> Finding {
        Finding(
            check: check, message: "the bus has not answered within 5 s for this check, or 10 s for all",
            advice: "see whether the bus is stopped or overloaded; what else there is to check was left out",
            problem: .timedOut)
    }

    // MARK: The bus, and what is between

    var bus: Finding {
        let process = facts.process.flatMap { $0.pid == nil ? nil : $0.label }
        let limit = facts.process?.pid.flatMap(openFilesLimit).map { ", \($0) descriptors for it" }
        return Finding(
            check: "bus",
            message: "\(connection.address): \(process ?? "a process that is not known here"), "
                + "\(facts.nameCount) names\(limit ?? "")")
    }

    var sandbox: Finding {
        let name = box.map(\.description)
        let prefix = name.map { "\($0); " } ?? ""
        let advice = "through a proxy, names without permission look as if nobody had registered them"
        if let proxy {
            return Finding(
                check: "sandbox", message: "\(prefix)the bus takes \(proxy.label) for this one: a D-Bus proxy",
                advice: advice)
        }
        if route.isInNamespace {
            return Finding(
                check: "sandbox",
                message:
                    "\(prefix)the bus is in another pid namespace than this process (a container?), or has a proxy "
                    + "there; or /proc is not this process's",
                advice: "nothing is known of processes here: rules about executables are true of nobody; \(advice)")
        }
        return Finding(check: "sandbox", message: name.map { "\($0), and no proxy" } ?? "none")
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
            let caller = try await Bus.separate(at: connection.address)
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
            return Finding(check: "talk", message: "a context can be called, and a line be passed to it")
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
            ? "give the bus a policy: dbus/org.connectto.conf is one"
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

    func context(_ name: String) async throws(ConnectToError) -> Finding {
        let context = try ContextName(name, origin: origin)
        let label = self.label(name)
        guard let info = try await connection.info(name, origin: origin) else {
            if try await connection.canStart(context) {
                return Finding(
                    check: "name", message: "\(label) is not running; the bus starts it for a caller")
            }
            let isHidden = route.mayHideNames
            return Finding(
                check: "name",
                message: "nobody has registered \(label)" + (isHidden ? ", or it may not be seen here" : ""),
                advice: isHidden
                    ? "start its program; if it runs, \(talkAdvice(context.busName))"
                    : "start its program, or look for the right name and origin: connect list",
                problem: .noSuchName)
        }
        let owner = info.owner.label
        if info.isSilent {
            return Finding(
                check: "name", message: "\(label) is \(owner), which has not answered within a second",
                advice: "see whether it is stopped or busy; a caller gives it five seconds, or those of --wait",
                problem: .timedOut)
        }
        if info.format == nil {
            return Finding(
                check: "name", message: "\(label) is \(owner), which answers, but not as a context does",
                advice: "where callers get 68 at once it is no context: end its program, or use another name",
                problem: .noSuchName)
        }
        if let format = info.format, format != .messages, format != .stream {
            return Finding(
                check: "name", message: "\(label) is \(owner), and answers; lines to it carry \(format)",
                advice: "this version speaks messages and streams: call it with a program that speaks \(format)")
        }
        return Finding(check: "name", message: "\(label) is \(owner), and answers")
    }
}

/// A process's soft limit of open descriptors; nil if this process may not read it.
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
