@testable import ConnectToMessaging

/// What a peer of calls may send: what can be read can be written, and is the same then.
func fuzzEnvelope(_ source: consuming ByteSource) {
    var source = source
    let transferredCount = Int(source.byte() & 3)
    let message = source.all()
    guard let (envelope, offset) = try? Envelope.decode(message, transferredCount: transferredCount) else { return }
    expect(offset >= 16 && offset <= message.count, "a body outside of its message")
    expect(envelope.body != nil || offset == message.count, "a body where there is none")
    planted(hasCapital(envelope))
    let body = UnsafeRawBufferPointer(rebasing: message[offset...])
    let encoded = envelope.encoded(body: body)
    if case .hello = envelope.operation {
        // The order of features means nothing, and an empty one between two spaces is none.
        let again = encoded.withUnsafeBytes { try? Envelope.decode($0, transferredCount: transferredCount) }
        expect(again?.0 == envelope, "a hello does not survive a round trip")
    } else {
        expect(envelope.length == offset, "the length is not that of the encoded form")
        expect(encoded.elementsEqual(message), "an envelope does not survive a round trip")
    }
}

/// Whether a failure has a capital letter in its code, which no seed has.
func hasCapital(_ envelope: Envelope) -> Bool {
    guard case .failure(_, let code, _, _) = envelope.operation else { return false }
    return code.utf8.contains { (0x41...0x5A).contains($0) }
}
