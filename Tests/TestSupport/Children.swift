import Glibc

/// The processes that this one has started and not waited for, zombies included.
package func children() -> Set<Int32> {
    let processes = (try? ProcessFacts.entries(of: "/proc")) ?? []
    return Set(processes.compactMap { Int32($0) }.filter { parent(of: $0) == getpid() })
}

/// Nil where there is no such process.
private func parent(of process: Int32) -> Int32? {
    guard let facts = try? ProcessFacts.text(of: "/proc/\(process)/stat") else { return nil }
    // After the name, which may have anything in it: the state, then the parent.
    let fields = facts.split(separator: ")").last?.split(separator: " ")
    return fields.flatMap { $0.count > 1 ? Int32($0[1]) : nil }
}
