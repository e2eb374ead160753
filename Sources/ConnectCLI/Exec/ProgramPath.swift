import ConnectToLinux
import Glibc

/// The path of a program, found as a shell finds it.
///
/// posix_spawnp(3) searches PATH too, but only when a peer has come: a wrong command has to fail at the start, and
/// `activate` writes the path into a file.
struct ProgramPath {
    let bytes: [UInt8]
    private let isDirectory: Bool
    private let isExecutable: Bool

    /// A word with a slash is a path. Any other word is looked up in the directories of PATH; a file that cannot be run
    /// counts only if no directory has an executable one of that name.
    /// - Parameters:
    ///   - word: the program, as the user gave it.
    ///   - option: the option that the user gave it to, for the message.
    /// - Throws: ``Failure`` 64 if there is no such program, or it cannot be run.
    static func find(_ word: String, for option: String? = nil) throws(Failure) -> ProgramPath {
        let found = find(ArgumentBytes.bytes(of: word))
        if let found, found.isExecutable { return found }
        let fault: String
        switch found {
        case nil where word.contains(" "):
            fault =
                "there is no such command; no shell splits it into words: give each word as an argument of its own"
        case nil where word.contains("/"): fault = "there is no such file; check the path"
        case nil: fault = "there is no such command; give its path, or check PATH"
        case let found? where found.isDirectory: fault = "it is a directory; give the path of a command in it"
        default: fault = "it is not executable; make it so with chmod +x, or write the program that runs it before it"
        }
        throw Failure(.usage, "\(option.map { "\($0) " } ?? "")\(ShellWord.quoted(word)): \(fault)")
    }

    private static func find(_ program: [UInt8]) -> ProgramPath? {
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
    static func isExecutable(_ path: [UInt8]) -> Bool { ProgramPath(path)?.isExecutable ?? false }

    static func isDirectory(_ path: [UInt8]) -> Bool { ProgramPath(path)?.isDirectory ?? false }

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
