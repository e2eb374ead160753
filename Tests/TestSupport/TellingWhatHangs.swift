import ConnectToLinux
package import Testing

/// Does a test's work, and where that takes too long tells what still runs: the time limit of the test itself kills
/// the processes, and with them all that could explain it.
///
/// - Parameter directory: in which the processes in question work.
package func tellingWhatHangs<Value: Sendable>(
    in directory: String, after limit: Duration = .seconds(50), sourceLocation: SourceLocation = #_sourceLocation,
    _ work: () async throws -> Value
) async rethrows -> Value {
    async let _: Void = {
        guard (try? await Task.sleep(for: limit)) != nil else { return }
        let processes = processes(workingIn: directory).joined(separator: "\n")
        Issue.record("not done within \(limit); these run:\n\(processes)", sourceLocation: sourceLocation)
    }()
    return try await work()
}

private func processes(workingIn directory: String) -> [String] {
    let names = (try? fileNames(in: "/proc")) ?? []
    return names.compactMap { Int32($0) }.filter { linkTarget("/proc/\($0)/cwd") == directory }.map { pid in
        // Of a script, which is one of them, the end.
        let arguments = text("cmdline", of: pid).replacing("\0", with: " ").suffix(100)
        let facts = text("status", of: pid).split(separator: "\n").map(String.init).filter { line in
            ["PPid", "State", "SigBlk", "SigIgn", "SigCgt"].contains { line.hasPrefix($0) }
        }
        let threads = ((try? fileNames(in: "/proc/\(pid)/task")) ?? []).compactMap { Int32($0) }.map { thread in
            "\(processName(of: thread) ?? "?") in \(text("wchan", of: thread))"
        }
        return "\(pid) \(arguments): \((facts + threads).joined(separator: ", "))"
    }
}

private func text(_ file: String, of process: Int32) -> String {
    String(decoding: processFile(file, of: process, limit: 4_096) ?? [], as: UTF8.self)
}
