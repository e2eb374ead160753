import ConnectToDBus
import ConnectToLinux
import Glibc

/// What a rule says of a peer.
enum Verdict: Equatable {
    case yes
    case no
    /// The fact that decides cannot be learnt.
    case unknown

    init(_ isYes: Bool) { self = isYes ? .yes : .no }

    /// Unknown for nil.
    init(_ isYes: Bool?) { self = isYes.map(Self.init) ?? .unknown }

    static prefix func ! (verdict: Verdict) -> Verdict {
        switch verdict {
        case .yes: .no
        case .no: .yes
        case .unknown: .unknown
        }
    }
}

extension Admission.Rule {
    /// The verdict that needs no question to the bus, the kernel or a closure; nil where it needs one.
    ///
    /// - Parameter namingUsers: whether a rule that has to be true as well says which users are meant. Without such a
    ///   rule, what programs of one user can fake among themselves says nothing of other users' programs.
    func verdictAtOnce(on peer: Peer, namingUsers: Bool = false) -> Verdict? {
        switch self {
        case .everyone: return .yes
        case .sameUser: return Verdict(peer.uid.map { $0 == geteuid() })
        case .users(let ids): return Verdict(peer.uid.map(ids.contains))
        case .groups(let ids): return Verdict(peer.groups.map { !ids.isDisjoint(with: $0) })
        case .securityLabels(let labels): return Verdict(peer.securityLabel.map(labels.contains))
        case .executables, .origins: return namingUsers || peer.uid == geteuid() ? nil : .unknown
        case .custom: return nil
        case .all(let rules):
            let namingUsers = namingUsers || namesUsers
            return Self.allAtOnce(rules.map { $0.verdictAtOnce(on: peer, namingUsers: namingUsers) })
        case .any(let rules):
            let verdicts = rules.map { $0.verdictAtOnce(on: peer, namingUsers: namingUsers) }
            return Self.allAtOnce(verdicts.map { $0.map(!) }).map(!)
        case .not(let rule): return rule.verdictAtOnce(on: peer, namingUsers: namingUsers).map(!)
        }
    }

    /// Whether the rule says which users are meant, and is true of no others.
    private var namesUsers: Bool {
        switch self {
        case .sameUser, .users, .groups: true
        case .all(let rules): rules.contains(where: \.namesUsers)
        case .any(let rules): rules.allSatisfy(\.namesUsers)
        case .everyone, .securityLabels, .executables, .origins, .custom, .not: false
        }
    }

    /// One no decides, whatever is still to be asked.
    private static func allAtOnce(_ verdicts: [Verdict?]) -> Verdict? {
        if verdicts.contains(.no) { return .no }
        if verdicts.contains(nil) { return nil }
        return verdicts.contains(.unknown) ? .unknown : .yes
    }

    /// Asks the bus, the kernel or a closure where the rule needs it. On the loop, which it leaves while it waits.
    func verdict(on peer: Peer, namingUsers: Bool = false, asking identities: Identities) async -> Verdict {
        if let verdict = verdictAtOnce(on: peer, namingUsers: namingUsers) { return verdict }
        switch self {
        case .executables(let paths):
            guard let executable = peer.executable, await identities.confirmsProcess(of: peer) else {
                return .unknown
            }
            return Verdict(paths.contains(executable))
        case .origins(let ids): return await Self.isOf(ids, peer, asking: identities)
        case .custom(let deadline, let admits):
            let answer = Latch<Bool>()
            let asking = Task { answer.set(await admits(peer)) }
            defer { asking.cancel() }
            return Verdict(await answer.wait(atMost: deadline))
        case .all(let rules):
            return await Self.all(rules, on: peer, namingUsers: namingUsers || namesUsers, asking: identities)
        case .any(let rules):
            return await !Self.all(rules.map(Self.not), on: peer, namingUsers: namingUsers, asking: identities)
        case .not(let rule): return await !rule.verdict(on: peer, namingUsers: namingUsers, asking: identities)
        case .everyone, .sameUser, .users, .groups, .securityLabels: return .unknown
        }
    }

    /// Rules that need no question were judged before, so no question is asked in vain. The others are judged one
    /// after the other.
    private static func all(
        _ rules: [Self], on peer: Peer, namingUsers: Bool, asking identities: Identities
    ) async -> Verdict {
        var result = Verdict.yes
        for rule in rules {
            switch await rule.verdict(on: peer, namingUsers: namingUsers, asking: identities) {
            case .yes: break
            case .no: return .no
            case .unknown: result = .unknown
            }
        }
        return result
    }

    /// A peer belongs to an origin if it owns one of the origin's names. That it owns none proves the opposite only
    /// where the peer is known to be in no sandbox, and the bus has told the owner of each name.
    private static func isOf(_ origins: Set<String>, _ peer: Peer, asking identities: Identities) async
        -> Verdict
    {
        let otherwise: Verdict
        switch await peer.sandbox {
        case .application(let id):
            return await identities.confirmsProcess(of: peer) ? Verdict(origins.contains(id)) : .unknown
        case .none: otherwise = .no
        case .unknown: otherwise = .unknown
        }
        if let context = peer.context, origins.contains(context.origin) { return .yes }
        var names = Array(origins)
        // The bus did not confirm the claim when the call came: it said no, or could not be asked.
        if let claim = peer.claimedContext, origins.contains(claim.origin) { names.append(claim.busName) }
        var result = otherwise
        for name in names {
            do throws(DBusError) {
                if try await identities.owner(of: name) == peer.busName { return .yes }
            } catch {
                result = .unknown
            }
        }
        return result
    }
}

extension Bus {
    /// Whether a rule admits a peer, for decisions of the program's own: in a ``Screening``, or later, message by message.
    ///
    /// False also where the fact that decides cannot be learnt. Rules on user, groups and security label are decided at
    /// once; others ask this bus, the kernel or a closure.
    /// - Parameters:
    ///   - peer: of a ``ConnectEvent`` or a ``Screening/Caller`` on this bus.
    ///   - rule: the rule to ask.
    public func admits(_ peer: Peer, by rule: Admission) async -> Bool {
        await rule.admits(peer, asking: identities)
    }
}

extension Admission {
    /// Whether the rule certainly admits a peer.
    func admits(_ peer: Peer, asking identities: Identities) async -> Bool {
        await rule.verdict(on: peer, asking: identities) == .yes
    }
}
