import ConnectTo
import Glibc
import Subprocess
import SystemPackage

/// The command of `--exec`: what is run for each peer.
struct ChildCommand: Sendable {
    /// How many run at once; further peers wait for one to end.
    static let limit = 64

    /// Each with a NUL behind it.
    private let words: [[UInt8]]
    private let executable: Executable
    private let name: String

    /// - Throws: ``Failure``: 64 where there is no such command, 74 where this process may open too little to run any.
    init(_ arguments: [String], name: String) async throws(Failure) {
        words = arguments.map { ArgumentBytes.bytes(of: $0) + [0] }
        self.name = name
        let word = words.first ?? [0]
        if word.contains(UInt8(ascii: "/")) {
            let path = word.map { CInterop.PlatformChar(bitPattern: $0) }
            executable = .path(
                path.withUnsafeBufferPointer { buffer in
                    buffer.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
                })
        } else {
            executable = .name(String(decoding: word.dropLast(), as: UTF8.self))
        }
        let command = arguments.first ?? ""
        if let fault = await Self.fault(of: executable, command) {
            throw Failure(.usage, "--exec \(ShellWord.quoted(command)): \(fault)")
        }
        try ChildStart.expectToBePossible()
    }

    /// Why it cannot be run, and what to do about it; `nil` where it can.
    private static func fault(of executable: Executable, _ word: String) async -> String? {
        var facts = stat()
        guard let path = try? await executable.resolveExecutablePath(in: .inherit),
            stat(path.string, &facts) == 0
        else { return noSuchCommand(word) }
        if facts.st_mode & S_IFMT == S_IFDIR { return "it is a directory; give the path of a command in it" }
        if access(path.string, X_OK) == 0 { return nil }
        return "it is not executable; allow that with chmod +x, or name the program that runs it first"
    }

    /// What to say where a command is not found: of one that was given as a shell would take it, too.
    static func noSuchCommand(_ word: String) -> String {
        word.contains(" ")
            ? "there is no such command; it is run without a shell: give each word as an argument of its own, not all in one"
            : "there is no such command; give its path, or check PATH"
    }

    /// What to run for a peer: in a process group of its own, which gets SIGHUP when the peer is gone.
    func configuration(for peer: Peer) -> Configuration {
        var options = PlatformOptions()
        options.processGroupID = 0
        return Configuration(
            executable: executable,
            arguments: Arguments(executablePathOverride: nil, remainingValues: Array(words.dropFirst())),
            environment: .custom(environment(for: peer)),
            platformOptions: options)
    }

    /// Our own environment byte for byte, with what there is to say about the peer. Each with a NUL behind it.
    private func environment(for peer: Peer) -> [[UInt8]] {
        let own = [
            "CONNECT_NAME": name,
            "CONNECT_PEER_PID": peer.pid.map { String($0) } ?? "",
            "CONNECT_PEER_UID": peer.uid.map { String($0) } ?? "",
        ]
        return inheritedEnvironment().filter { entry in
            guard let end = entry.firstIndex(of: UInt8(ascii: "=")), let first = entry.first else {
                return false
            }
            // What has no proper name cannot be passed on.
            if UInt8(ascii: "0")...UInt8(ascii: "9") ~= first || end == 0 { return false }
            return own[String(decoding: entry[..<end], as: UTF8.self)] == nil
        } + own.filter { !$0.value.utf8.contains(0) }.map { Array("\($0.key)=\($0.value)\0".utf8) }
    }

    private func inheritedEnvironment() -> [[UInt8]] {
        var entries: [[UInt8]] = []
        var next = environ
        while let entry = next.pointee {
            entries.append(Array(UnsafeRawBufferPointer(start: entry, count: strlen(entry) + 1)))
            next += 1
        }
        return entries
    }
}
