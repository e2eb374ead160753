import ConnectTo

extension Program {
    /// Reports when the bus goes away, and when it is back. The loss of the bus is reported by the calls that need it.
    func reportStatus(of bus: Bus) {
        Task.onLoop { [report, changes = bus.statusChanges] in
            var last = Bus.Status.connected
            for await status in changes where status != last && status != .lost {
                last = status
                // ``watchReader()`` notices that the reader of standard output has gone.
                try? await report.event(Event.bus(status))
                await report.note(
                    status == .connected
                        ? "the bus is back"
                        : "the bus is gone; open ports go on, and everything else waits for the bus")
            }
        }
    }
}
