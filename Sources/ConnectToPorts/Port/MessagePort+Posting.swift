import ConnectToLinux
import FoundationEssentials

extension MessagePort {
    // MARK: Posting

    /// Posts bytes. Never waits.
    ///
    /// What the kernel does not take at once is queued, up to 16 MiB (``PortLimits/queuedOutput``); a peer that
    /// reads slowly fills the queue, and only then does this throw. A message that finds nothing queued always has
    /// room. On a port that is over it does nothing, as the HTML standard has it.
    ///
    /// A lone message is with the kernel when this returns, if that has room. Of many in a row several go together, as
    /// soon as they are 64 KiB: on the port's loop at the end of its turn at the latest, elsewhere within 100
    /// microseconds. Quicker for many, or for many ports, is a ``MessageBatch``. A program that exits right after
    /// posting awaits ``flush()`` first.
    /// - Throws: ``PortError``: ``PortError/Code/queueFull``, ``PortError/Code/messageTooLarge`` (over 64 MiB or
    ///   ``PortLimits/messageLength``), ``PortError/Code/finished``, ``PortError/Code/isStream``.
    public func postMessage(_ bytes: [UInt8]) throws(PortError) {
        try bytes.withBytes { payload throws(PortError) in
            try line.post(.bytes, payload, keeping: bytes)
        }
    }

    /// Posts bytes that are no array, such as a slice or Foundation's `Data`. Otherwise as
    /// ``postMessage(_:)-([UInt8])``.
    public func postMessage(_ bytes: some Collection<UInt8>) throws(PortError) {
        try postMessage([UInt8](bytes))
    }

    /// Posts text. Otherwise as ``postMessage(_:)-([UInt8])``.
    public func postMessage(_ text: String) throws(PortError) {
        try text.withBytes { payload throws(PortError) in try line.post(.text, payload) }
    }

    /// Posts a value as JSON. Otherwise as ``postMessage(_:)-([UInt8])``.
    ///
    /// Bytes and text never go this way, where the compiler knows them as such (hence the attribute).
    /// - Throws: also ``PortError/Code/notEncodable``; then nothing was posted.
    @_disfavoredOverload
    public func postMessage(_ value: some Encodable) throws(PortError) {
        try Self.encode(value).withBytes { payload throws(PortError) in try line.post(.json, payload) }
    }

    /// What is meant as text goes as JSON where it is optional: in quotes, or as `null`.
    @available(*, deprecated, message: "unwrap the text; an optional goes as JSON")
    public func postMessage(_ text: String?) throws(PortError) {
        try Self.encode(text).withBytes { payload throws(PortError) in try line.post(.json, payload) }
    }

    /// Posts what is JSON already; it is not checked. Otherwise as ``postMessage(_:)-([UInt8])``.
    public func postMessage(json: String) throws(PortError) {
        try json.withBytes { payload throws(PortError) in try line.post(.json, payload) }
    }

    // MARK: Sending with patience

    /// Posts bytes, waiting for room in the queue if the peer is slow to read.
    ///
    /// Room is here what is below half of ``PortLimits/queuedOutput`` (8 MiB if not set): who can wait leaves the
    /// other half to those who cannot. So a loop of this holds that and one message, at the most.
    ///
    /// - Throws: ``PortError``: ``PortError/Code/closed`` if the port is over before there was room,
    ///   ``PortError/Code/cancelled`` if the task is (then nothing was posted), and as
    ///   ``postMessage(_:)-([UInt8])``.
    public func send(_ bytes: [UInt8]) async throws(PortError) {
        try await line.whenThereIsRoom(for: bytes.count) { () throws(PortError) in try postMessage(bytes) }
    }

    /// Posts bytes that are no array, such as a slice or Foundation's `Data`, waiting for room. Otherwise as
    /// ``send(_:)-([UInt8])``.
    public func send(_ bytes: some Collection<UInt8>) async throws(PortError) {
        try await send([UInt8](bytes))
    }

    /// Posts text, waiting for room. Otherwise as ``send(_:)-([UInt8])``.
    public func send(_ text: String) async throws(PortError) {
        try await line.whenThereIsRoom(for: text.utf8.count) { () throws(PortError) in try postMessage(text) }
    }

    /// Posts a value as JSON, waiting for room. Otherwise as ``send(_:)-([UInt8])``.
    @_disfavoredOverload
    public func send(_ value: some Encodable) async throws(PortError) {
        let json = try Self.encode(value)
        try await line.whenThereIsRoom(for: json.count) { () throws(PortError) in
            try json.withBytes { payload throws(PortError) in try line.post(.json, payload) }
        }
    }

    /// Posts what is JSON already, waiting for room; it is not checked. Otherwise as ``send(_:)-([UInt8])``.
    public func send(json: String) async throws(PortError) {
        try await line.whenThereIsRoom(for: json.utf8.count) { () throws(PortError) in
            try postMessage(json: json)
        }
    }

    static func encode(_ value: some Encodable) throws(PortError) -> [UInt8] {
        do {
            let encoder = JSONEncoder()
            // Of use in scripts of HTML only.
            encoder.outputFormatting = .withoutEscapingSlashes
            return [UInt8](try encoder.encode(value))
        } catch {
            throw PortError(.notEncodable, "a \(type(of: value)) has no JSON form", cause: error)
        }
    }
}
