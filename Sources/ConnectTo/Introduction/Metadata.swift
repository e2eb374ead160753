import ConnectToDBus

/// Free text that goes along with a registration or an introduction. Every program that may observe the bus can read
/// it.
extension [String: String] {
    /// The limit for all keys and values together, in bytes.
    static var metadataLimit: Int { 64 << 10 }
    /// A limit of its own: short pairs take many times their bytes.
    static var metadataKeyLimit: Int { 1_024 }

    var isCarriable: Bool { fault == nil }

    /// Why D-Bus or the protocol does not carry this metadata, and what to do; nil where it can be carried.
    private var fault: String? {
        guard count <= Self.metadataKeyLimit else {
            return "the metadata has \(count) keys, and the limit is \(Self.metadataKeyLimit); leave some of them out"
        }
        var size = 0
        for (key, value) in self {
            if key.utf8.contains(0) || value.utf8.contains(0) {
                return "the metadata has a NUL character in a key or a value, which D-Bus does not carry; leave it out"
            }
            size += key.utf8.count + value.utf8.count
        }
        if size <= Self.metadataLimit { return nil }
        return """
            the metadata has \(size) bytes in all keys and values together, and the limit is \(Self.metadataLimit); \
            shorten it
            """
    }

    /// About how much memory it takes, in bytes.
    var memory: Int {
        // 128 bytes a pair: a place in the dictionary, and what the allocator adds to two strings.
        reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + 128 }
    }

    func checked() throws(ConnectToError) {
        if let fault { throw ConnectToError(.invalidMetadata, fault) }
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
