import ConnectTo

extension Peer {
    /// For messages to people: `process 42 (connect)`, or its connection where no process is known.
    var label: String {
        pid.map { "process \($0)" + (processName.map { " (\($0))" } ?? "") } ?? "the connection \(busName)"
    }
}
