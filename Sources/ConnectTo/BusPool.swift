import LinuxIO

/// The connections to buses that this process has: one for each bus and loop, shared by all who ask.
actor BusPool {
    static let shared = BusPool()

    private struct Key: Hashable {
        let address: String
        let loop: ObjectIdentifier
    }

    private struct WeakBus {
        weak var bus: Bus?
    }

    private var buses: [Key: WeakBus] = [:]
    private var opening: [Key: Task<Bus, any Error>] = [:]

    func bus(at address: String, on loop: EventLoop) async throws(ConnectToError) -> Bus {
        let key = Key(address: address, loop: ObjectIdentifier(loop.reactor))
        if let bus = buses[key]?.bus, !bus.isLost { return bus }
        let task =
            opening[key] ?? Task(executorPreference: loop.reactor) { try await Bus.open(address, on: loop) }
        opening[key] = task
        let result = await task.result
        // Of all who waited for it the first; the next attempt may be under way when the others come.
        let isFirst = opening[key] == task
        if isFirst { opening[key] = nil }
        switch result {
        case .success(let bus):
            if isFirst { buses[key] = WeakBus(bus: bus) }
            return bus
        case .failure(let error as ConnectToError): throw error
        case .failure(let error): throw ConnectToError(.busUnreachable, "\(error)", cause: error)
        }
    }
}
