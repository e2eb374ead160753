import ConnectToDBus

/// Free text that goes along with a registration or an introduction. Every program that may observe the bus can read
/// it.
extension [String: String] {
    /// The limit for all keys and values together, in bytes.
    static var metadataLimit: Int { 64 << 10 }
    /// A limit of its own: short pairs take many times their bytes.
    static var metadataKeyLimit: Int { 1_024 }

    var isCarriable: Bool {
        if count > Self.metadataKeyLimit { return false }
        var size = 0
        for (key, value) in self {
            if key.utf8.contains(0) || value.utf8.contains(0) { return false }
            size += key.utf8.count + value.utf8.count
        }
        return size <= Self.metadataLimit
    }

    /// About how much memory it takes, in bytes.
    var memory: Int {
        // 128 bytes a pair: a place in the dictionary, and what the allocator adds to two strings.
        reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + 128 }
    }

    func checked() throws(ConnectToError) {
        if isCarriable { return }
        throw ConnectToError(
            .invalidMetadata,
            """
            this metadata cannot be carried: it may have \(Self.metadataLimit) bytes and \(Self.metadataKeyLimit) keys \
            in all, and no NUL in it
            """)
    }

    var encoded: DBusValue {
        .dictionary(key: "s", value: "s", map { DBusValue.Pair(.string($0.key), .string($0.value)) })
    }

    /// Nil where the value is not a dictionary of strings, or exceeds the limits.
    init?(decoding value: DBusValue) {
        guard case .dictionary("s", "s", let pairs) = value, pairs.count <= Self.metadataKeyLimit else { return nil }
        self.init()
        for pair in pairs {
            guard case .string(let key) = pair.key, case .string(let value) = pair.value else { return nil }
            self[key] = value
        }
        if !isCarriable { return nil }
    }
}
