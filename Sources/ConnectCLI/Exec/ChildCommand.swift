import ConnectTo
import ConnectToLinux
import Glibc
import SystemPackage

/// The command of `--exec`, which runs once for each peer.
struct ChildCommand: Sendable {
    /// How many children run at the same time; further peers wait until one has ended.
    static let limit = 64

    private let words: [[UInt8]]
    /// The command as messages show it.
    private let label: String
    private let name: String
    private let children: Children

    /// - Throws: ``Failure``: 64 if there is no such command, 74 if this process lacks the descriptors or threads to
    ///   run one.
    init(_ arguments: [String], name: String) throws(Failure) {
        words = arguments.map(ArgumentBytes.bytes)
        self.name = name
        let command = arguments.first ?? ""
        label = ShellWord.quoted(command)
        _ = try ProgramPath.find(command, for: "--exec")
        do {
            children = try Children()
        } catch { throw .outOfResources("--exec cannot run commands", error) }
    }

    // MARK: Running

    /// The failure to report if the command could not be run for a peer.
    func failure(_ error: any Error) -> Failure { .notRun(label, error) }

    /// Runs the command for a peer, with pipes as its standard input and output.
    /// - Parameter whenStopped: called when a signal stops the command.
    func run(
        for peer: Peer, whenStopped: @escaping @Sendable (ChildProcess.Stop) -> Void
    ) async throws -> (child: ChildProcess, input: PipeEnd, output: PipeEnd) {
        let input = try PipeEnd.pipe(.write)
        let output = try PipeEnd.pipe(.read)
        let child = try await children.start(
            words, environment: environment(for: peer), input: input.theirs, output: output.theirs,
            whenStopped: whenStopped)
        return (child, input.ours, output.ours)
    }

    /// Runs the command for a peer, with a socket as both its standard input and output.
    /// - Returns: the child process, and a pipe that reaches its end of file when no process that the command has left
    ///   behind can still have the socket.
    func run(
        for peer: Peer, on socket: Descriptor, whenStopped: @escaping @Sendable (ChildProcess.Stop) -> Void
    ) async throws -> (child: ChildProcess, holders: PipeEnd) {
        let holders = try PipeEnd.pipe(.read)
        let child = try await children.start(
            words, environment: environment(for: peer), input: socket, output: socket, kept: [holders.theirs.rawValue],
            whenStopped: whenStopped)
        withExtendedLifetime(holders.theirs) {}
        return (child, holders.ours)
    }

    private func environment(for peer: Peer) -> [[UInt8]] {
        ChildEnvironment(name: name, peer: peer).entries
    }
}
