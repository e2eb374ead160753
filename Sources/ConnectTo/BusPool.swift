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
    /// The attempts under way, which all who ask for the bus wait for.
    private var opening: [Key: Latch<Result<Bus, ConnectToError>>] = [:]

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
        let attempt = opening[key] ?? open(key, address, limits, loop)
        // A task that is cancelled leaves the attempt to the others, and to those that ask later.
        guard let result = await attempt.wait() else {
            throw ConnectToError(.cancelled, "opening the bus at \(address) was cancelled")
        }
        return try result.get()
    }

    private func open(
        _ key: Key, _ address: String, _ limits: BusLimits, _ loop: EventLoop
    ) -> Latch<Result<Bus, ConnectToError>> {
        let attempt = Latch<Result<Bus, ConnectToError>>()
        opening[key] = attempt
        Task(executorPreference: loop.reactor.tasks) {
            let result: Result<Bus, ConnectToError>
            do throws(ConnectToError) {
                result = .success(try await Bus.open(address, limits: limits, on: loop))
            } catch {
                result = .failure(error)
            }
            await self.didOpen(key, result)
            attempt.set(result)
        }
        return attempt
    }

    private func didOpen(_ key: Key, _ result: Result<Bus, ConnectToError>) {
        opening[key] = nil
        if case .success(let bus) = result { buses[key] = WeakBus(bus: bus) }
    }
}
