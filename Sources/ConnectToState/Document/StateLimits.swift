/// How much a shared state may hold.
public struct StateLimits: Hashable, Sendable {
    /// How many keys a path may have, and how deep values may be inside of each other.
    static let greatestDepth = 128
    /// How many bytes a key may have.
    static let greatestKeyBytes = 65_536

    /// The bytes of all paths and values.
    public var documentBytes = 256 << 20

    public init() {}
}
