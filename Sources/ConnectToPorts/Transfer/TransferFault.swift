/// What is wrong with a ``Transferred`` place of a value: the end of a sentence that begins with the place.
struct TransferFault: Error, CustomStringConvertible {
    let description: String

    private init(_ description: String) {
        self.description = description
    }

    // MARK: Encoding

    static func noMessage(encoding kind: Transferable.Kind) -> TransferFault {
        TransferFault(
            """
            is a \(kind), which only a message can bring: encode the value with OutgoingMessage.encoding(value) or, by \
            an encoder of your own, with OutgoingMessage.encoding { try encoder.encode(value) }
            """)
    }

    static func twice(_ kind: Transferable.Kind, _ other: String) -> TransferFault {
        TransferFault("is the same \(kind) as \(other); it can be transferred only once")
    }

    static func alsoInList(_ kind: Transferable.Kind) -> TransferFault {
        TransferFault("is a \(kind) that the message's transfer has already; it can be transferred only once")
    }

    // MARK: Decoding

    static func noMessage(decoding kind: Transferable.Kind?) -> TransferFault {
        TransferFault(
            """
            is a \(kind?.description ?? "thing"), which comes only with a message: decode the value with \
            message.decode(), or, by a decoder of your own, with message.decode { try decoder.decode(…, from: Data($0)) }
            """)
    }

    static let noNumber = TransferFault(
        "is not the number of a thing that came with the message: a whole number, from 0")

    static func notInList(_ number: Int, of count: Int) -> TransferFault {
        TransferFault(
            count == 0
                ? "has the number \(number), and no things came with the message"
                : "has the number \(number), and the things that came with the message have 0 to \(count - 1)")
    }

    static func otherKind(
        _ number: Int, _ kind: Transferable.Kind, wanted: Transferable.Kind?
    ) -> TransferFault {
        TransferFault("has the number \(number), which is a \(kind), not a \(wanted?.description ?? "thing")")
    }

    static func sameNumber(_ number: Int, _ other: String) -> TransferFault {
        TransferFault("has the number \(number), which \(other) has too; each thing can have only one place")
    }
}
