import ConnectToLinux

extension BusConnection {
    /// How a name is asked for. The default, no flag at all, queues and lets nobody take the name away.
    package struct RequestNameFlags: OptionSet, Sendable {
        package let rawValue: UInt32

        package init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// Whoever asks for it with ``replaceExisting`` gets it.
        package static let allowReplacement = RequestNameFlags(rawValue: 1)
        package static let replaceExisting = RequestNameFlags(rawValue: 2)
        /// Now or not at all.
        package static let doNotQueue = RequestNameFlags(rawValue: 4)
    }

    package enum RequestNameOutcome: UInt32, Sendable {
        case primaryOwner = 1
        /// It is another's; ours when that one and those queued before us have gone (signal NameAcquired).
        case inQueue = 2
        /// It is another's, and we did not want to queue.
        case exists = 3
        /// It was ours already.
        case alreadyOwner = 4
    }

    package enum ReleaseNameOutcome: UInt32, Sendable {
        case released = 1
        case nonExistent = 2
        case notOwner = 3
    }

    /// Asks for a name. Requests may be made one after the other without waiting; the bus answers in order.
    ///
    /// - Parameter completion: called exactly once, on the loop; errors as the bus says them (LimitsExceeded,
    ///   AccessDenied), or local ones (`invalid` for what is not a well-known name).
    package func requestName(
        _ name: String, flags: RequestNameFlags,
        completion: @escaping @Sendable (Result<RequestNameOutcome, DBusError>) -> Void
    ) {
        if !Names.isWellKnownBusName(name) { return refuse(name, completion) }
        call(
            .toBus("RequestName", [.string(name), .uint32(flags.rawValue)]), deadline: Self.busDeadline
        ) { completion($0.flatMap(Self.outcome)) }
    }

    /// The same, awaited; not to be cancelled, for the bus will have decided.
    package func requestName(
        _ name: String, flags: RequestNameFlags
    ) async throws(DBusError) -> RequestNameOutcome {
        let result = await withCheckedContinuation { continuation in
            requestName(name, flags: flags) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Gives a name back, or leaves its queue.
    package func releaseName(
        _ name: String, completion: @escaping @Sendable (Result<ReleaseNameOutcome, DBusError>) -> Void
    ) {
        if !Names.isWellKnownBusName(name) { return refuse(name, completion) }
        call(.toBus("ReleaseName", [.string(name)]), deadline: Self.busDeadline) {
            completion($0.flatMap(Self.outcome))
        }
    }

    /// The same, awaited.
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
        let error = DBusError.invalid("\(name.prefix(300).debugDescription) is not a name that can be owned")
        reactor.atTurnEnd { completion(.failure(error)) }
    }

    private static func outcome<Outcome: RawRepresentable<UInt32>>(
        _ reply: Reply
    ) -> Result<Outcome, DBusError> {
        if case .uint32(let code)? = reply.body.first, let outcome = Outcome(rawValue: code) {
            return .success(outcome)
        }
        return .failure(.invalid("the bus gave an answer that the specification does not know"))
    }
}
