import ConnectTo

extension Program {
    /// Says when the bus goes away, and when it is back. That it is lost shows in what needs it.
    func follow(_ bus: Bus) {
        Task.onLoop { [report, changes = bus.statusChanges] in
            var last = Bus.Status.connected
            for await status in changes where status != last && status != .lost {
                last = status
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
