/// Why a hub does not take a line.
public struct HubError: Error, Sendable, CustomStringConvertible {
    /// The kind of error; compare with the constants. Later versions may add codes, so a `switch` needs a default.
    public struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) { self.rawValue = rawValue }

        public var description: String { rawValue }

        /// The id is not 1 to 100 bytes of UTF-8 without `/`.
        public static let invalidID = Code(rawValue: "invalid-id")
        /// Another peer has the id.
        public static let idTaken = Code(rawValue: "id-taken")
        /// The hub was closed.
        public static let closed = Code(rawValue: "closed")
    }

    public let code: Code
    /// A sentence for people.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(code): \(message)" }
}

extension HubError.Code {
    /// Lets a code stand in a `catch` clause.
    public static func ~= (code: HubError.Code, error: any Error) -> Bool {
        (error as? HubError)?.code == code
    }
}
