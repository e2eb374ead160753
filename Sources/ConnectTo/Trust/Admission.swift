/// Whom to admit as a caller, or to accept as a listener: a rule about a ``Peer``.
///
///     try await bus.register("x", options: ContextOptions(admission: .any(.sameUser, .groups([27]))))
///     let noCurl = Admission.all(.sameUser, .not(.executables(["/usr/bin/curl"])))
///     try await bus.register("y", options: ContextOptions(admission: noCurl))
///     bus.connectTo("z", options: ConnectOptions(expected: .users([0])))
///
/// What cannot be learnt of a peer admits nobody, not even by ``not(_:)``. Executables and origins are such facts of
/// another user's programs, unless the same ``all(_:)-(Admission...)`` also says which users or groups are meant: by
/// themselves they would admit users whom no rule has admitted. Rules on user, groups and security
/// label are answered at once; the others ask the bus or the kernel, which takes each caller longer.
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

    /// The user that this process runs as (its effective user id), and nobody else. What holds where nothing is said.
    public static let sameUser = Admission(.sameUser)

    /// Everybody whom the bus lets call, of whatever user.
    public static let everyone = Admission(.everyone)

    /// Users by their ids.
    public static func users(_ ids: Set<UInt32>) -> Admission { Admission(.users(ids)) }

    /// Members of at least one of these groups, be it as the primary one.
    public static func groups(_ ids: Set<UInt32>) -> Admission { Admission(.groups(ids)) }

    /// Programs of these applications (reverse-DNS ids).
    ///
    /// A program is of an application if its sandbox says so; where there is no sandbox, if it owns the bus name of
    /// that id, or introduces itself by a context of that origin. What that is worth stands at
    /// ``Peer/Application/Source``.
    ///
    /// Of another user's program nothing is known, unless a rule beside this one says which users are meant:
    /// `.all(.users([1000]), .origins(["org.example.Editor"]))`. Then it is of the applications whose names it owns, and
    /// of no other is it known not to be: whether its process is in a sandbox is not looked at.
    public static func origins(_ ids: Set<String>) -> Admission { Admission(.origins(ids)) }

    /// Processes that run these programs, given by absolute paths without links. A hint between programs of one user.
    ///
    /// Of another user's process nothing is known, unless a rule beside this one says which users are meant:
    /// `.all(.users([1000]), .executables(["/usr/bin/tar"]))`. Then too only root learns what it runs, so that nobody
    /// else admits one by it.
    public static func executables(_ paths: Set<String>) -> Admission { Admission(.executables(paths)) }

    /// Processes with these labels of the kernel's security module, compared as they are.
    public static func securityLabels(_ labels: Set<String>) -> Admission {
        Admission(.securityLabels(labels))
    }

    /// Those that a closure admits. It runs off the loop, for several callers at the same time.
    ///
    /// - Parameters:
    ///   - deadline: after it the caller is refused and the closure's task cancelled. Callers by default give up
    ///     after five seconds.
    ///   - admits: whether the caller is admitted.
    public static func custom(
        within deadline: Duration = .seconds(3), _ admits: @escaping @Sendable (Peer) async -> Bool
    ) -> Admission {
        Admission(.custom(within: deadline, admits))
    }

    /// Whoever all of these admit; with none given, everybody.
    public static func all(_ rules: Admission...) -> Admission { all(rules) }
    /// The same, of a list.
    public static func all(_ rules: [Admission]) -> Admission { Admission(.all(rules.map(\.rule))) }

    /// Whoever one of these admits; with none given, nobody.
    public static func any(_ rules: Admission...) -> Admission { any(rules) }
    /// The same, of a list.
    public static func any(_ rules: [Admission]) -> Admission { Admission(.any(rules.map(\.rule))) }

    /// Whoever that one is known not to admit.
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
