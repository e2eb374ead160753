import ConnectToLinux

/// The connections to buses that this process has: one for each bus and loop, shared by all that ask for it.
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

    /// - Parameter limits: have to be those of the bus if it is open, and become so if it is not. Nil accepts any.
    func bus(
        at address: String, limits: BusLimits?, on loop: EventLoop
    ) async throws(ConnectToError) -> Bus {
        let bus = try await shared(at: address, limits: limits ?? BusLimits(), on: loop)
        if let limits, limits != bus.limits {
            throw ConnectToError(
                .otherLimits,
                """
                this process has opened the bus at \(address) with other limits already; open it with these limits \
                before any other part of the process does, or leave them out
                """)
        }
        return bus
    }

    private func shared(
        at address: String, limits: BusLimits, on loop: EventLoop
    ) async throws(ConnectToError) -> Bus {
        let key = Key(address: address, loop: ObjectIdentifier(loop.reactor))
        if let bus = buses[key]?.bus, !bus.isLost { return bus }
        let task =
            opening[key]
            ?? Task(executorPreference: loop.reactor.tasks) {
                try await Bus.open(address, limits: limits, on: loop)
            }
        opening[key] = task
        let result = await task.result
        // Whether this task is the first to go on of those that waited: when the others do, the next attempt may be
        // under way.
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
