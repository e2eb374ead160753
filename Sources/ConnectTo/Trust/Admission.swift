/// Which peers to admit as callers, or to accept as a listener: a rule about a ``Peer``.
///
///     try await bus.register("x", options: ContextOptions(admission: .any(.sameUser, .groups([27]))))
///     let noCurl = Admission.all(.sameUser, .not(.executables(["/usr/bin/curl"])))
///     try await bus.register("y", options: ContextOptions(admission: noCurl))
///     bus.connectTo("z", options: ConnectOptions(expected: .users([0])))
///
/// A rule on a fact that cannot be learnt of a peer does not admit that peer, and neither does its ``not(_:)``.
/// Executables and origins of another user's programs are such facts, unless the same ``all(_:)-(Admission...)`` also
/// says which users or groups are meant: alone, such rules would admit users whom no rule has admitted. Rules on
/// user, groups and security label are answered at once. The others ask the bus or the kernel, which takes longer for
/// each caller.
public struct Admission: Sendable {
    indirect enum Rule: Sendable {
        case everyone
        case sameUser
        case users(Set<UInt32>)
        case groups(Set<UInt32>)
        case securityLabels(Set<String>)
        case executables(Set<String>)
        case origins(Set<String>)
        case custom(within: Duration, @Sendable (Peer) async -> Bool)
        case all([Rule])
        case any([Rule])
        case not(Rule)
    }

    let rule: Rule

    private init(_ rule: Rule) {
        self.rule = rule
    }

    /// The user that this process runs as (its effective user id), and no other user. This is the default.
    public static let sameUser = Admission(.sameUser)

    /// Every peer that the bus lets call, of any user.
    public static let everyone = Admission(.everyone)

    /// Users by their ids.
    public static func users(_ ids: Set<UInt32>) -> Admission { Admission(.users(ids)) }

    /// Members of at least one of these groups, as the primary or a supplementary group.
    public static func groups(_ ids: Set<UInt32>) -> Admission { Admission(.groups(ids)) }

    /// Programs of these applications (reverse-DNS ids).
    ///
    /// A program belongs to an application if its sandbox says so. Without a sandbox it does if it owns the bus name
    /// of that id, or introduces itself by a context of that origin. ``Peer/Application/Source`` says how far each of
    /// these can be trusted.
    ///
    /// Of another user's program nothing is known, unless a rule beside this one says which users are meant:
    /// `.all(.users([1000]), .origins(["org.example.Editor"]))`. Then the program belongs to the applications whose
    /// names it owns. Whether it belongs to any other stays unknown, since its sandbox is not looked at.
    public static func origins(_ ids: Set<String>) -> Admission { Admission(.origins(ids)) }

    /// Processes that run these programs, given by absolute paths without symbolic links. A hint between programs of
    /// one user.
    ///
    /// Of another user's process nothing is known, unless a rule beside this one says which users are meant:
    /// `.all(.users([1000]), .executables(["/usr/bin/tar"]))`. Even then the kernel tells only root what the process
    /// runs, so only a listener that runs as root admits it by this rule.
    public static func executables(_ paths: Set<String>) -> Admission { Admission(.executables(paths)) }

    /// Processes with these labels of the kernel's security module, compared as they are.
    public static func securityLabels(_ labels: Set<String>) -> Admission {
        Admission(.securityLabels(labels))
    }

    /// Peers that a closure admits. The closure runs off the loop, for several callers at the same time.
    ///
    /// - Parameters:
    ///   - deadline: how long the closure may take. After it the caller is refused, and the closure's task is
    ///     cancelled. By default, callers give up after five seconds.
    ///   - admits: whether the caller is admitted.
    public static func custom(
        within deadline: Duration = .seconds(3), _ admits: @escaping @Sendable (Peer) async -> Bool
    ) -> Admission {
        Admission(.custom(within: deadline, admits))
    }

    /// Peers that all of these rules admit; every peer where no rule is given.
    public static func all(_ rules: Admission...) -> Admission { all(rules) }
    /// The same, with the rules as a list.
    public static func all(_ rules: [Admission]) -> Admission { Admission(.all(rules.map(\.rule))) }

    /// Peers that at least one of these rules admits; no peer where no rule is given.
    public static func any(_ rules: Admission...) -> Admission { any(rules) }
    /// The same, with the rules as a list.
    public static func any(_ rules: [Admission]) -> Admission { Admission(.any(rules.map(\.rule))) }

    /// Peers that the rule is known not to admit.
    public static func not(_ rule: Admission) -> Admission { Admission(.not(rule.rule)) }
}

extension Admission: CustomStringConvertible {
    /// For logs.
    public var description: String { rule.description }
}

extension Admission.Rule: CustomStringConvertible {
    var description: String {
        switch self {
        case .everyone: "everyone"
        case .sameUser: "same user"
        case .users(let ids): "users \(ids.sorted())"
        case .groups(let ids): "groups \(ids.sorted())"
        case .securityLabels(let labels): "security labels \(labels.sorted())"
        case .executables(let paths): "executables \(paths.sorted())"
        case .origins(let ids): "origins \(ids.sorted())"
        case .custom: "a closure"
        case .all(let rules): "all of (\(rules.map(\.description).joined(separator: "; ")))"
        case .any(let rules): "any of (\(rules.map(\.description).joined(separator: "; ")))"
        case .not(let rule): "not (\(rule))"
        }
    }
}
