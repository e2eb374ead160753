/// A first look at a message: whether it is an event that needs no second one.
///
/// Events may come by the hundred thousand a second. Their head is checked by this look alone, without the parts that an
/// ``Envelope`` is made of.
struct EventHead {
    let body: Envelope.BodyKind?
    let bodyOffset: Int

    /// Nil where the message is something else, breaks a rule, is compressed, or has a name that is not ASCII or begins
    /// with `@`: then ``Envelope/decode(_:transferredCount:)`` says what it is.
    @inline(__always)
    init?(_ message: UnsafeRawBufferPointer) {
        guard message.count > Head.size, message[0] == Head.Code.event.rawValue,
            message[1] <= Envelope.BodyKind.json.rawValue, message[2] == 0,
            message.loadUnaligned(fromByteOffset: 4, as: UInt32.self) == 0,
            message.loadUnaligned(fromByteOffset: 8, as: UInt64.self) == 0
        else { return nil }
        body = Envelope.BodyKind(rawValue: message[1])
        bodyOffset = Head.size + Int(message[3])
        guard bodyOffset > Head.size, body == nil ? bodyOffset == message.count : bodyOffset <= message.count,
            message[Head.size] != UInt8(ascii: "@")
        else { return nil }
        for index in Head.size..<bodyOffset where message[index] >= 0x80 { return nil }
    }
}
