import CConnectToLinux
import Glibc

/// The numbers of users and groups, looked up by name.
///
/// For an account that /etc/passwd and /etc/group do not list, the C library loads NSS plug-ins. A statically linked
/// program that loads one crashes. So this process reads the files only, and runs `getent` to ask the plug-ins for all
/// other accounts.
enum Accounts {
    /// Keeps the C library from loading NSS plug-ins, those for host names included. Call this first.
    static func useFilesAlone() {
        clinux_resolve_without_plugins()
    }

    static func user(_ name: String) -> UInt32? {
        getpwnam(name)?.pointee.pw_uid ?? number(of: name, in: "passwd")
    }

    static func group(_ name: String) -> UInt32? {
        getgrnam(name)?.pointee.gr_gid ?? number(of: name, in: "group")
    }

    /// This process's user's home directory in the account database, which may differ from HOME.
    static func home() -> [UInt8]? {
        if let directory = getpwuid(getuid())?.pointee.pw_dir {
            return Array(UnsafeRawBufferPointer(start: directory, count: strlen(directory)))
        }
        // name:password:number:group:comment:home:shell
        let fields = output(of: ["getent", "--", "passwd", "\(getuid())"])?
            .split(separator: ":", maxSplits: 6, omittingEmptySubsequences: false)
        guard let fields, fields.count > 5 else { return nil }
        return Array(fields[5].utf8)
    }

    /// Blocks as long as the plug-ins take, as the C library's own lookup would.
    private static func number(of name: String, in database: String) -> UInt32? {
        guard let line = output(of: ["getent", "--", database, name]) else { return nil }
        // name:password:number:… Compare the name, because getent also accepts a number in its place.
        let fields = line.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
        guard fields.count > 2, fields[0].utf8.elementsEqual(name.utf8) else { return nil }
        return UInt32(fields[2].prefix { $0.isASCII && $0.isNumber })
    }

    /// The first 4 KiB or so of the output of a command; nil if the command cannot be run. popen(3) would have a shell
    /// read the user's words.
    private static func output(of words: [String]) -> String? {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        for end in ends where end > 2 { posix_spawn_file_actions_addclose(&actions, end) }
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child = pid_t()
        let failure = posix_spawnp(&child, words[0], &actions, nil, &arguments, environ)
        close(ends[1])
        guard failure == 0 else {
            close(ends[0])
            return nil
        }
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while text.count < piece.count {
            let count = read(ends[0], &piece, piece.count)
            if count > 0 { text += piece.prefix(count) } else if count == 0 || errno != EINTR { break }
        }
        // Close before the wait: getent may have more to write, for a group with many members.
        close(ends[0])
        while waitpid(child, nil, 0) < 0, errno == EINTR {}
        return String(decoding: text, as: UTF8.self)
    }
}
