import ConnectTo

extension Peer {
    /// The peer in messages to people: `process 42 (connect)`, or its connection if the process is not known.
    var label: String {
        pid.map { "process \($0)" + (processName.map { " (\($0))" } ?? "") } ?? "the connection \(busName)"
    }
}
