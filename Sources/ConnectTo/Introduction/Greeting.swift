import ConnectToDBus
import ConnectToPorts

/// What the two sides say of themselves in an introduction: the caller's hello, the listener's welcome.
///
/// All keys are optional and unknown ones are ignored; that is how the protocol grows (`dbus/PROTOCOL.md`,
/// "Hello and welcome").
struct Greeting: Equatable {
    static let version: UInt32 = 1

    var version = Self.version
    var features: [String] = []
    /// The bus name of the context that the caller says it owns.
    var context: String?
    var metadata: Metadata = [:]
    /// The word for what the line is to carry: a ``LineFormat``'s, or one that this version does not know.
    var format = LineFormat.messages.rawValue
    /// In a welcome to a stream: whether the listener may end the stream before it has taken everything, because it
    /// has no use for the rest.
    var isPartial = false

    typealias Metadata = [String: String]

    struct Malformed: Error, Equatable {
        /// What is wrong: a clause for an error message.
        let fault: String
    }

    /// Defaults are left out: decoding them again would cost more than all the rest of an introduction.
    var encoded: DBusValue {
        var pairs: [DBusValue.Pair] = []
        if version != 1 { pairs.append(.init(.string("version"), .variant(.uint32(version)))) }
        if !features.isEmpty {
            pairs.append(
                .init(.string("features"), .variant(.array(of: "s", features.map(DBusValue.string)))))
        }
        if let context { pairs.append(.init(.string("context"), .variant(.string(context)))) }
        if format != LineFormat.messages.rawValue {
            pairs.append(.init(.string("format"), .variant(.string(format))))
        }
        if isPartial { pairs.append(.init(.string("partial"), .variant(.boolean(true)))) }
        if !metadata.isEmpty { pairs.append(.init(.string("metadata"), .variant(metadata.encoded))) }
        return .dictionary(key: "s", value: "v", pairs)
    }

    init(context: String? = nil, metadata: Metadata = [:], format: LineFormat = .messages, isPartial: Bool = false) {
        self.context = context
        self.metadata = metadata
        self.format = format.rawValue
        self.isPartial = isPartial
    }

    /// - Throws: ``Malformed`` for a known key with a value of another type, and for version 0.
    init(decoding value: DBusValue?) throws(Malformed) {
        guard case .dictionary("s", "v", let pairs)? = value else {
            throw Malformed(fault: "the options are not a dictionary (a{sv})")
        }
        for pair in pairs {
            guard case .string(let key) = pair.key, case .variant(let value) = pair.value else { continue }
            switch key {
            case "version":
                guard case .uint32(let version) = value, version > 0 else { throw .wrong(key) }
                self.version = version
            case "features":
                guard case .array("s", let items) = value else { throw .wrong(key) }
                features = items.compactMap { if case .string(let feature) = $0 { feature } else { nil } }
            case "context":
                guard case .string(let context) = value else { throw .wrong(key) }
                self.context = context
            case "format":
                guard case .string(let format) = value else { throw .wrong(key) }
                self.format = format
            case "partial":
                guard case .boolean(let isPartial) = value else { throw .wrong(key) }
                self.isPartial = isPartial
            case "metadata":
                guard let metadata = Metadata(decoding: value) else { throw .wrong(key) }
                self.metadata = metadata
            default: break
            }
        }
    }
}

extension Greeting.Malformed {
    static func wrong(_ key: String) -> Self {
        Self(fault: "the key \(key) has a value that the protocol does not allow")
    }
}
