import Glibc

/// Whether other programs leave the machine to us: while nothing of ours is at work, they take less than a quarter of a
/// core. Times taken on a machine that others use say nothing of the library.
package func machineIsQuiet() async throws -> Bool {
    let window = Duration.milliseconds(300)
    let before = try busyTicks()
    try await Task.sleep(for: window)
    let ticks = Double(try busyTicks() - before)
    return ticks / Double(sysconf(Int32(_SC_CLK_TCK))) < 0.25 * (window / .seconds(1))
}

/// What all cores have worked since the machine was started, with what others on its host have taken from it.
private func busyTicks() throws -> Int {
    // cpu: user, nice, system, idle, iowait, irq, softirq, steal; proc_stat(5).
    let ticks = try ProcessFacts.text(of: "/proc/stat").prefix { $0 != "\n" }.split(separator: " ").compactMap {
        Int($0)
    }
    return [0, 1, 2, 5, 6, 7].reduce(0) { $0 + (ticks.indices.contains($1) ? ticks[$1] : 0) }
}
