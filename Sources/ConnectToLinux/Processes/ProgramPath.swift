import Glibc

/// The path of a program, found as a shell finds it.
///
/// posix_spawnp(3) searches PATH too, but only at the start: a wrong name has to fail before that, with words that help.
public struct ProgramPath: Sendable {
    /// Why there is no program under a name.
    public enum Fault: Error, Sendable {
        /// There is no such file; of a name without a slash: in no directory of PATH.
        case absent
        case isDirectory
        case notExecutable
    }

    public let bytes: [UInt8]
    private let isDirectory: Bool
    private let isExecutable: Bool

    /// A word with a slash is a path. Any other word is looked up in the directories of PATH; a file that cannot be run
    /// counts only if no directory has an executable one of that name.
    public static func find(_ word: [UInt8]) throws(Fault) -> ProgramPath {
        guard let found = search(word) else { throw .absent }
        if found.isExecutable { return found }
        throw found.isDirectory ? .isDirectory : .notExecutable
    }

    private static func search(_ program: [UInt8]) -> ProgramPath? {
        if program.isEmpty { return nil }
        if program.contains(UInt8(ascii: "/")) { return ProgramPath(program) }
        let path = environmentVariable("PATH") ?? Array("/bin:/usr/bin".utf8)
        var other: ProgramPath?
        for directory in path.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
            let folder = directory.isEmpty ? [UInt8(ascii: ".")] : Array(directory)
            let found = ProgramPath(folder + [UInt8(ascii: "/")] + program)
            if let found, found.isExecutable { return found }
            if found?.isDirectory == false { other = other ?? found }
        }
        return other
    }

    /// Whether there is an executable file at the path.
    public static func isExecutable(_ path: [UInt8]) -> Bool { ProgramPath(path)?.isExecutable ?? false }

    public static func isDirectory(_ path: [UInt8]) -> Bool { ProgramPath(path)?.isDirectory ?? false }

    /// Nil if there is no such file.
    private init?(_ bytes: [UInt8]) {
        var facts = stat()
        let name = bytes.cString
        guard stat(name, &facts) == 0 else { return nil }
        self.bytes = bytes
        isDirectory = facts.st_mode & S_IFMT == S_IFDIR
        isExecutable = facts.st_mode & S_IFMT == S_IFREG && access(name, X_OK) == 0
    }
}
