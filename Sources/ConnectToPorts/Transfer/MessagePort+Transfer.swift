extension MessagePort {
    // MARK: Posting with transfer

    /// Posts bytes, and gives away what is listed; the receiver finds it in ``Message/transferred``.
    ///
    /// All of it goes or, if this throws, none. A port goes with everything that it has received and not
    /// delivered, and posted and not written, so that order holds and nothing is lost over any number of hops;
    /// it arrives not started. Its own ``closeReason`` here is ``CloseReason/Code/transferred``.
    ///
    /// - Parameter transfer: up to 253 things, and 253 descriptors in all, those inside of ports included.
    /// - Throws: ``PortError``: beside what ``postMessage(_:)-([UInt8])`` throws,
    ///   ``PortError/Code/detached`` for what was closed or given away before, ``PortError/Code/notOpen``,
    ///   ``PortError/Code/notTransferable``, ``PortError/Code/tooManyDescriptors``.
    public func postMessage(_ bytes: [UInt8], transfer: [Transferable]) throws(PortError) {
        try bytes.withBytes { payload throws(PortError) in try line.post(.bytes, payload, transfer) }
    }

    /// Posts bytes that are no array, such as a slice or Foundation's `Data`, and gives away what is listed. Otherwise
    /// as ``postMessage(_:transfer:)-([UInt8],_)``.
    public func postMessage(
        _ bytes: some Collection<UInt8>, transfer: [Transferable]
    ) throws(PortError) {
        try postMessage([UInt8](bytes), transfer: transfer)
    }

    /// Posts text, and gives away what is listed. Otherwise as ``postMessage(_:transfer:)-([UInt8],_)``.
    public func postMessage(_ text: String, transfer: [Transferable]) throws(PortError) {
        try text.withBytes { payload throws(PortError) in try line.post(.text, payload, transfer) }
    }

    /// Posts a value as JSON, and gives away what is listed. Otherwise as
    /// ``postMessage(_:transfer:)-([UInt8],_)``.
    @_disfavoredOverload
    public func postMessage(_ value: some Encodable, transfer: [Transferable]) throws(PortError) {
        try Self.encode(value).withBytes { payload throws(PortError) in
            try line.post(.json, payload, transfer)
        }
    }

    /// Posts what is JSON already, and gives away what is listed; it is not checked. Otherwise as
    /// ``postMessage(_:transfer:)-([UInt8],_)``.
    public func postMessage(json: String, transfer: [Transferable]) throws(PortError) {
        try json.withBytes { payload throws(PortError) in try line.post(.json, payload, transfer) }
    }

    // MARK: Sending with patience

    /// Posts bytes, and gives away what is listed, waiting for room in the queue if the peer is slow to read. While it
    /// waits nothing has been given away. Otherwise as ``postMessage(_:transfer:)-([UInt8],_)`` and
    /// ``send(_:)-([UInt8])``.
    public func send(_ bytes: [UInt8], transfer: [Transferable]) async throws(PortError) {
        try await line.whenThereIsRoom(for: bytes.count) { () throws(PortError) in
            try postMessage(bytes, transfer: transfer)
        }
    }

    /// Posts bytes that are no array, such as a slice or Foundation's `Data`, and gives away what is listed, waiting
    /// for room. Otherwise as ``send(_:transfer:)-([UInt8],_)``.
    public func send(
        _ bytes: some Collection<UInt8>, transfer: [Transferable]
    ) async throws(PortError) {
        try await send([UInt8](bytes), transfer: transfer)
    }

    /// Posts text, and gives away what is listed, waiting for room. Otherwise as
    /// ``send(_:transfer:)-([UInt8],_)``.
    public func send(_ text: String, transfer: [Transferable]) async throws(PortError) {
        try await line.whenThereIsRoom(for: text.utf8.count) { () throws(PortError) in
            try postMessage(text, transfer: transfer)
        }
    }

    /// Posts a value as JSON, and gives away what is listed, waiting for room. Otherwise as
    /// ``send(_:transfer:)-([UInt8],_)``.
    /// - Throws: also ``PortError/Code/notEncodable``; then nothing was given away.
    @_disfavoredOverload
    public func send(_ value: some Encodable, transfer: [Transferable]) async throws(PortError) {
        let json = try Self.encode(value)
        try await line.whenThereIsRoom(for: json.count) { () throws(PortError) in
            try json.withBytes { payload throws(PortError) in try line.post(.json, payload, transfer) }
        }
    }

    /// Posts what is JSON already, and gives away what is listed, waiting for room; it is not checked. Otherwise as
    /// ``send(_:transfer:)-([UInt8],_)``.
    public func send(json: String, transfer: [Transferable]) async throws(PortError) {
        try await line.whenThereIsRoom(for: json.utf8.count) { () throws(PortError) in
            try postMessage(json: json, transfer: transfer)
        }
    }
}
