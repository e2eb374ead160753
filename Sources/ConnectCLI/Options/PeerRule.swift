import ArgumentParser
import ConnectTo
import Glibc

/// The argument of `--allow`, `--deny` and `--expect`: a rule that a peer has to match.
///
/// `everyone`, `same-user`, or facts separated by commas, all of which have to be true: `uid=0,origin=org.x`.
enum PeerRule {
    static let help = """
        RULE is everyone, same-user, or facts that all have to be true: uid=N, user=NAME, gid=N, group=NAME, \
        origin=ID, executable=PATH, label=LABEL, with commas between them.
        """
    /// The text for `--help`. The error for a wrong argument leaves out the last sentence.
    static let discussion =
        help + " Of another user's program, origin and executable count only together with a user or a group."

    /// - Throws: `ValidationError` if the argument is not a rule, or names a user or group that does not exist.
    static func parse(_ argument: String) throws -> Admission {
        switch argument {
        case "everyone": return .everyone
        case "same-user": return .sameUser
        default: return .all(try facts(in: argument).map { try admission(key: $0.key, value: $0.value) })
        }
    }

    /// A comma without a following `key=` belongs to the value, since paths and labels may contain commas.
    private static func facts(in argument: String) throws -> [(key: String, value: String)] {
        var facts: [(key: String, value: String)] = []
        for piece in argument.split(separator: ",", omittingEmptySubsequences: false) {
            if let equals = piece.firstIndex(of: "="),
                piece[..<equals].allSatisfy({ $0.isASCII && $0.isLetter })
            {
                facts.append((String(piece[..<equals]), String(piece[piece.index(after: equals)...])))
            } else if !facts.isEmpty {
                facts[facts.count - 1].value += "," + piece
            } else {
                throw ValidationError("\(TerminalText.escaped(argument)) is not a rule. \(help)")
            }
        }
        return facts
    }

    private static func admission(key: String, value: String) throws -> Admission {
        switch key {
        case "uid": return .users([try number(value, of: "user")])
        case "gid": return .groups([try number(value, of: "group")])
        case "user":
            guard let uid = Accounts.user(value) else { throw ValidationError(unknown("user", value)) }
            return .users([uid])
        case "group":
            guard let gid = Accounts.group(value) else { throw ValidationError(unknown("group", value)) }
            return .groups([gid])
        case "origin", "application":
            // Any valid name will do: only the origin is checked here.
            guard (try? ContextName("x", origin: value)) != nil else {
                throw ValidationError(
                    "\(TerminalText.escaped(value)) is not an origin; give a reverse-DNS id such as org.example.Editor"
                )
            }
            return .origins([value])
        case "executable":
            guard value.hasPrefix("/") else {
                throw ValidationError(
                    "\(TerminalText.escaped(value)) is not an absolute path; give one such as /usr/bin/tar")
            }
            return .executables([withoutLinks(value)])
        case "label": return .securityLabels([value])
        default: throw ValidationError("a rule cannot have the fact \(TerminalText.escaped(key)). \(help)")
        }
    }

    private static func number(_ value: String, of kind: String) throws -> UInt32 {
        guard let number = UInt32(value) else {
            throw ValidationError(
                "\(TerminalText.escaped(value)) is not the number of a \(kind); give a number, or \(kind)=NAME")
        }
        return number
    }

    private static func unknown(_ kind: String, _ name: String) -> String {
        "there is no \(kind) called \(TerminalText.escaped(name)); give another name, or a number"
    }

    /// The path without symbolic links, as the kernel names a process's program. Unchanged if there is no such file
    /// yet.
    private static func withoutLinks(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }
}

/// The callers that `listen` admits.
struct AdmissionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Admit the callers that match RULE, in place of those of the same user. May be given more than once.",
            discussion: PeerRule.discussion, valueName: "rule"),
        transform: PeerRule.parse)
    var allow: [Admission] = []

    @Option(
        help: ArgumentHelp(
            "Refuse the callers that match RULE, even if --allow admits them. May be given more than once.",
            discussion: "A caller of which it cannot be known whether it matches RULE is refused too.",
            valueName: "rule"),
        transform: PeerRule.parse)
    var deny: [Admission] = []

    var admission: Admission {
        .all(allow.isEmpty ? .sameUser : .any(allow), .not(.any(deny)))
    }
}
