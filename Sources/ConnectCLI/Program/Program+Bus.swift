import ConnectTo

extension Program {
    /// Says when the bus goes away, and when it is back. That it is lost shows in what needs it.
    func follow(_ bus: Bus) {
        Task.onLoop { [report, statuses = bus.statuses] in
            for await status in statuses.dropFirst() where status != .lost {
                // Whoever reads standard output no more is noticed elsewhere.
                try? await report.event(Event.bus(status))
                await report.note(
                    status == .connected
                        ? "the bus is back"
                        : "the bus is gone; open ports go on, and the rest when it is back")
            }
        }
    }
}
