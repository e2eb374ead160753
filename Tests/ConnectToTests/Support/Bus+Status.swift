import ConnectToDBus

@testable import ConnectTo

extension Bus {
    /// It says so, and it answers: one that has gone may not have been noticed yet.
    func isBack() async {
        repeat { await has(.connected) } while await !answers && status != .lost && !Task.isCancelled
    }
    func isAway() async { await has(.reconnecting) }

    private var answers: Bool {
        get async { (try? await connection.call(.toBus("GetId"), deadline: .seconds(10))) != nil }
    }

    private func has(_ wanted: Status) async {
        for await status in statusChanges where status == wanted { return }
    }
}
