import ConnectToLinux

extension BusConnection {
    /// How to request a name. Without any flag the bus queues the request, and no other program can replace the owner.
    package struct RequestNameFlags: OptionSet, Sendable {
        package let rawValue: UInt32

        package init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// A later request with ``replaceExisting`` takes the name.
        package static let allowReplacement = RequestNameFlags(rawValue: 1)
        package static let replaceExisting = RequestNameFlags(rawValue: 2)
        /// Do not wait in the queue if the name has another owner.
        package static let doNotQueue = RequestNameFlags(rawValue: 4)
    }

    package enum RequestNameOutcome: UInt32, Sendable {
        case primaryOwner = 1
        /// Another connection owns the name. We get it when the owner and those queued before us have released it; the
        /// bus then sends the signal NameAcquired.
        case inQueue = 2
        /// Another connection owns the name, and the request had ``RequestNameFlags/doNotQueue``.
        case exists = 3
        /// This connection owned the name already.
        case alreadyOwner = 4
    }

    package enum ReleaseNameOutcome: UInt32, Sendable {
        case released = 1
        case nonExistent = 2
        case notOwner = 3
    }

    /// Requests a well-known name. Further requests need not wait for the reply: the bus handles them in order.
    ///
    /// - Parameter completion: called exactly once, on the loop: with the outcome, with an error reply of the bus
    ///   (LimitsExceeded, AccessDenied), or with a local error (`invalid` if `name` is not a well-known name).
    package func requestName(
        _ name: String, flags: RequestNameFlags,
        completion: @escaping @Sendable (Result<RequestNameOutcome, DBusError>) -> Void
    ) {
        if !Names.isWellKnownBusName(name) { return refuse(name, completion) }
        call(
            .toBus("RequestName", [.string(name), .uint32(flags.rawValue)]), deadline: Self.busDeadline
        ) { completion($0.flatMap(Self.outcome)) }
    }

    /// Requests a well-known name and waits for the outcome. Ignores cancellation, because the bus decides in any case.
    package func requestName(
        _ name: String, flags: RequestNameFlags
    ) async throws(DBusError) -> RequestNameOutcome {
        let result = await withCheckedContinuation { continuation in
            requestName(name, flags: flags) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Releases a name, or leaves its queue.
    package func releaseName(
        _ name: String, completion: @escaping @Sendable (Result<ReleaseNameOutcome, DBusError>) -> Void
    ) {
        if !Names.isWellKnownBusName(name) { return refuse(name, completion) }
        call(.toBus("ReleaseName", [.string(name)]), deadline: Self.busDeadline) {
            completion($0.flatMap(Self.outcome))
        }
    }

    /// Releases a name, or leaves its queue, and waits for the outcome.
    @discardableResult
    package func releaseName(_ name: String) async throws(DBusError) -> ReleaseNameOutcome {
        let result = await withCheckedContinuation { continuation in
            releaseName(name) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    private func refuse<Outcome>(
        _ name: String, _ completion: @escaping @Sendable (Result<Outcome, DBusError>) -> Void
    ) {
        let error = DBusError.invalid(
            "\(name.prefix(300).debugDescription) is not a well-known bus name, so no program can own it")
        reactor.atTurnEnd { completion(.failure(error)) }
    }

    private static func outcome<Outcome: RawRepresentable<UInt32>>(
        _ reply: Reply
    ) -> Result<Outcome, DBusError> {
        if case .uint32(let code)? = reply.body.first, let outcome = Outcome(rawValue: code) {
            return .success(outcome)
        }
        return .failure(.invalid("the bus replied with a value that the D-Bus specification does not define"))
    }
}
