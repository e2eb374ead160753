/// The list of a message that is being decoded, in which ``Transferred`` things are found by their numbers.
final class ThingsDecoded {
    private static let list = ThreadLocal<ThingsDecoded>(place: 1)

    private let things: [Transferable]
    /// Where in the value each number stands.
    private var places: [Int: [any CodingKey]] = [:]

    private init(_ things: [Transferable]) {
        self.things = things
    }

    /// Lends a decoder the things that came with a message.
    static func offer<Result, Failure: Error>(
        _ things: [Transferable], to decode: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try list.withValue(ThingsDecoded(things), decode)
    }

    /// The thing whose number the decoder has come to.
    /// - Parameters:
    ///   - kind: the kind that is wanted; nil for any.
    ///   - wanted: takes the thing out, if it is of that kind.
    static func thing<Thing>(
        of kind: Transferable.Kind?, _ wanted: (Transferable) -> Thing?, from decoder: any Decoder
    ) throws(DecodingError) -> Thing {
        do throws(TransferFault) {
            guard let list = list.current else { throw .noMessage(decoding: kind) }
            // Not the decoder's own error: where the number is not whole, it says that all of it is not JSON.
            guard let number = try? decoder.singleValueContainer().decode(Int.self) else { throw .noNumber }
            let thing = try list.thing(number, at: decoder.codingPath)
            guard let found = wanted(thing) else { throw .otherKind(number, thing.kind, wanted: kind) }
            return found
        } catch {
            let path = decoder.codingPath
            throw .dataCorrupted(
                .init(codingPath: path, debugDescription: "\(codingPath(path)) \(error)", underlyingError: error))
        }
    }

    private func thing(_ number: Int, at path: [any CodingKey]) throws(TransferFault) -> Transferable {
        guard things.indices.contains(number) else { throw .notInList(number, of: things.count) }
        // A type that tries one form after the other comes to the same place again.
        if let first = places.updateValue(path, forKey: number), !Self.isSame(first, path) {
            throw .sameNumber(number, codingPath(first))
        }
        return things[number]
    }

    private static func isSame(_ path: [any CodingKey], _ other: [any CodingKey]) -> Bool {
        path.elementsEqual(other) { ($0.stringValue, $0.intValue) == ($1.stringValue, $1.intValue) }
    }
}
