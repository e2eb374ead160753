/// How a context is registered: see ``Bus/register(_:origin:options:)``.
///
/// ```swift
/// let options = ContextOptions(ownership: .standby, admission: .any(.sameUser, .groups([27])))
/// let context = try await bus.register("clock", options: options)
/// ```
public struct ContextOptions: Sendable {
    /// What happens where two programs want the same name. Without any of these the first program keeps the name, and
    /// the second one's registration throws ``ConnectToError/Code/nameTaken``.
    public struct Ownership: OptionSet, Sendable, Hashable {
        public let rawValue: UInt32

        public init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// If the name is taken, stand by: take it over when its owner goes. ``Context/status`` tells which it is, and
        /// ``Context/waitUntilRegistered()`` waits.
        public static let standby = Ownership(rawValue: 1 << 0)
        /// If the name is taken by a context that allows replacement, take it over.
        public static let replacesExisting = Ownership(rawValue: 1 << 1)
        /// Let other programs take the name over that ask to, which any program may that the bus lets own it. The context
        /// then ends with ``Context/EndReason/replaced``, or stands by where it has ``standby``.
        public static let allowsReplacement = Ownership(rawValue: 1 << 2)
    }

    /// Free text that every program on the bus can read, 64 KiB and 1,024 keys in all.
    public var metadata: [String: String]
    /// What happens where two programs want the same name.
    public var ownership: Ownership
    /// Unregister when this many callers have been admitted, one at least; without limit if nil.
    public var callerLimit: Int?
    /// What lines to the context carry, messages or streams; callers that ask for another format are refused. This version
    /// serves no other.
    public var format: LineFormat
    /// Of streams: whether the program may end a line before it has taken all of it, having no use for the rest, as a
    /// command of `connect listen --raw --exec` does that ends early. Callers are told when they are admitted.
    public var isPartial: Bool
    /// Whether other programs of this user may look on at the context's messages (`connect tap`). They see a copy, slow
    /// nothing down, and miss what comes too fast for them; of streams they see nothing.
    public var isTappable: Bool
    /// Which programs may connect. Others are refused before there is a connect event, and not told why: that is logged,
    /// at debug level, by `org.connectto.registry`.
    public var admission: Admission
    /// What the program itself decides about each caller that ``admission`` admits, before there is a connect event; it may
    /// refuse the caller with a reason. If nil all of them get one.
    public var screening: Screening?

    /// The defaults: no metadata, the name or an error, any number of callers of the same user, messages.
    public init(
        metadata: [String: String] = [:], ownership: Ownership = [], callerLimit: Int? = nil,
        format: LineFormat = .messages, isPartial: Bool = false, isTappable: Bool = false,
        admission: Admission = .sameUser, screening: Screening? = nil
    ) {
        self.metadata = metadata
        self.ownership = ownership
        self.callerLimit = callerLimit
        self.format = format
        self.isPartial = isPartial
        self.isTappable = isTappable
        self.admission = admission
        self.screening = screening
    }

    /// Whether they say no more than the defaults do; many thousands of contexts share those.
    var areDefaults: Bool {
        guard case .sameUser = admission.rule else { return false }
        return metadata.isEmpty && ownership.isEmpty && callerLimit == nil && format == .messages && !isPartial
            && !isTappable && screening == nil
    }
}
