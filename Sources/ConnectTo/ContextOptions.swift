/// How a context is registered: see ``Bus/register(_:origin:options:)``.
///
/// ```swift
/// let options = ContextOptions(ownership: .standby, admission: .any(.sameUser, .groups([27])))
/// let context = try await bus.register("clock", options: options)
/// ```
public struct ContextOptions: Sendable {
    /// What happens where two programs want the same name. Without any of these, the first program keeps the name,
    /// and the second program's registration throws ``ConnectToError/Code/nameTaken``.
    public struct Ownership: OptionSet, Sendable, Hashable {
        public let rawValue: UInt32

        public init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// If the name is taken, stand by: take the name over when its owner goes. ``Context/status`` says whether
        /// the context is registered or stands by, and ``Context/waitUntilRegistered()`` waits.
        public static let standby = Ownership(rawValue: 1 << 0)
        /// If the name is taken by a context that allows replacement, take it over.
        public static let replacesExisting = Ownership(rawValue: 1 << 1)
        /// Let another program take the name over if it asks to; any program may ask that the bus allows to own the
        /// name. The context then ends with ``Context/EndReason/replaced``, or stands by where it has ``standby``.
        public static let allowsReplacement = Ownership(rawValue: 1 << 2)
    }

    /// Free text that every program on the bus can read, 64 KiB and 1,024 keys in all.
    public var metadata: [String: String]
    /// What happens where two programs want the same name.
    public var ownership: Ownership
    /// Unregister once this many callers have been admitted, one at least; no limit if nil.
    public var callerLimit: Int?
    /// What lines to the context carry: messages, streams, or messages with a meaning of their own
    /// (``LineFormat``). Callers that ask for another format are refused.
    public var format: LineFormat
    /// For streams: whether the program may end a line before it has taken all bytes, because it has no use for the
    /// rest, as a command of `connect listen --raw --exec` does that ends early. Callers learn this when they are
    /// admitted.
    public var isPartial: Bool
    /// Whether other programs of this user may observe the context's messages (`connect tap`). Observers see copies,
    /// slow nothing down, and miss messages that come too fast for them. They see nothing of streams.
    public var isTappable: Bool
    /// Which programs may connect. Other programs are refused before there is a connect event, and get no reason but
    /// ``refusal``. The logger `org.connectto.registry` logs the reason at debug level.
    public var admission: Admission
    /// What the callers that ``admission`` refuses are told: a sentence for people, such as "ask the group lp for
    /// access", which they find in ``CloseReason/detail``. If nil they are told that they are not admitted. A sentence
    /// longer than 1,024 bytes is cut, and a NUL becomes U+FFFD.
    public var refusal: String?
    /// What the program itself decides about each caller that ``admission`` admits, before there is a connect event.
    /// It may refuse the caller with a reason. If nil, all these callers get a connect event.
    public var screening: Screening?

    /// The defaults: no metadata, an error where the name is taken, any number of callers of the same user, messages.
    public init(
        metadata: [String: String] = [:], ownership: Ownership = [], callerLimit: Int? = nil,
        format: LineFormat = .messages, isPartial: Bool = false, isTappable: Bool = false,
        admission: Admission = .sameUser, refusal: String? = nil, screening: Screening? = nil
    ) {
        self.metadata = metadata
        self.ownership = ownership
        self.callerLimit = callerLimit
        self.format = format
        self.isPartial = isPartial
        self.isTappable = isTappable
        self.admission = admission
        self.refusal = refusal
        self.screening = screening
    }

    /// Whether all options are the defaults. Many thousands of contexts share one copy of those.
    var areDefaults: Bool {
        guard case .sameUser = admission.rule else { return false }
        return metadata.isEmpty && ownership.isEmpty && callerLimit == nil && format == .messages && !isPartial
            && !isTappable && refusal == nil && screening == nil
    }
}
