import ConnectToDBus

/// All that can be learnt of a context from outside of its program.
public struct ContextInfo: Sendable, Hashable {
    /// The context's name, as its program gave it.
    public let name: String
    /// The application id that the name lives under.
    public let origin: String
    /// The peer that owns the context's name, as the bus tells it.
    public let owner: Peer
    /// What lines to the context carry; a format that this version does not know is shown as its word. Nil where the
    /// owner has not said so within a second, or the word has more than 255 bytes.
    public let format: LineFormat?
    /// Free text about the context. Nil where the owner has not told it within a second, or it is more than 64 KiB or
    /// 1,024 keys.
    public let metadata: [String: String]?
    /// What the context has done so far, counted. Nil where the owner has not told it within a second, or refuses to:
    /// it tells only its own user.
    public let statistics: ContextStatistics?
    /// Whether the owner has not answered the question for format and metadata within a second.
    public let isSilent: Bool

    /// For tests of code that shows a context; what a bus knows of one comes from ``Bus/info(_:origin:)``.
    public init(
        name: String, origin: String = ContextName.defaultOrigin, owner: Peer, format: LineFormat? = nil,
        metadata: [String: String]? = nil, statistics: ContextStatistics? = nil, isSilent: Bool = false
    ) {
        self.name = name
        self.origin = origin
        self.owner = owner
        self.format = format
        self.metadata = metadata
        self.statistics = statistics
        self.isSilent = isSilent
    }
}

extension Bus {
    /// Looks at one context more closely. Starts no program.
    ///
    /// - Returns: Nil where the name has no owner now. It takes a second at most where the owner is silent.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/invalidName``; ``ConnectToError/Code/busLost`` where the bus
    ///   is away or lost; ``ConnectToError/Code/timedOut`` where it does not answer within five seconds.
    public func info(
        _ name: String, origin: String = ContextName.defaultOrigin
    ) async throws(ConnectToError) -> ContextInfo? {
        let context = try ContextName(name, origin: origin)
        let owner: Peer
        do throws(DBusError) {
            guard let known = try await identities.ownerPeer(of: context.busName) else { return nil }
            owner = known
        } catch {
            if isLost { throw await waitUntilLost() }
            throw ConnectToError(error, "asking about \(context.quoted)")
        }
        async let properties = details(
            of: context, at: owner.busName, ContextInterface.properties, "GetAll",
            [.string(ContextInterface.name)])
        async let told = details(
            of: context, at: owner.busName, ContextInterface.name, ContextInterface.status)
        var format: LineFormat?
        var metadata: [String: String]?
        let answer = await properties
        if case .success(.dictionary("s", "v", let pairs)?) = answer {
            for pair in pairs {
                switch (pair.key, pair.value) {
                case (.string("Format"), .variant(.string(let word))): format = LineFormat(word: word)
                case (.string("Metadata"), .variant(let value)): metadata = .init(decoding: value)
                default: break
                }
            }
        }
        var isSilent = false
        if case .failure(let error) = answer { isSilent = error.kind == .timedOut }
        return ContextInfo(
            name: name, origin: origin, owner: owner, format: format, metadata: metadata,
            statistics: ContextStatistics(decoding: (try? await told.get()) ?? nil), isSilent: isSilent)
    }

    /// The first value of the owner's answer; an error where the owner answers with one, or not within a second.
    private func details(
        of context: ContextName, at owner: String, _ interface: String, _ member: String,
        _ body: [DBusValue] = []
    ) async -> Result<DBusValue?, DBusError> {
        let call = OutgoingCall(
            destination: owner, path: context.objectPath, interface: interface, member: member, body: body,
            noAutoStart: true)
        do throws(DBusError) {
            return .success(try await connection.call(call, deadline: .seconds(1)).body.first)
        } catch {
            return .failure(error)
        }
    }
}
