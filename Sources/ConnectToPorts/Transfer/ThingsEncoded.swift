/// The list of a message that is being encoded: each ``Transferred`` thing that the encoder meets gets the next number.
///
/// An encoder's `userInfo` would be the usual way to reach it. But a program's own encoder may encode several values at
/// the same time, and each of them needs a list of its own.
final class ThingsEncoded {
    private static let list = ThreadLocal<ThingsEncoded>(place: 0)

    private var things: [Transferable]
    /// How many things stood in the list before. No set of them: most values have no things, and should not pay for it.
    private let givenCount: Int
    /// Where in the value each thing stands, by its identity.
    private var places: [ObjectIdentifier: String] = [:]

    private init(behind transfer: [Transferable]) {
        things = transfer
        givenCount = transfer.count
    }

    /// Lends an encoder a list that begins with what the message transfers anyway.
    static func collect<Result, Failure: Error>(
        behind transfer: [Transferable], _ encode: () throws(Failure) -> Result
    ) throws(Failure) -> (encoded: Result, things: [Transferable]) {
        let list = ThingsEncoded(behind: transfer)
        let encoded = try Self.list.withValue(list, encode)
        return (encoded, list.things)
    }

    /// The number that a thing gets in the message that is being encoded.
    static func number(of thing: Transferable, at path: [any CodingKey]) throws(EncodingError) -> Int {
        do throws(TransferFault) {
            guard let list = list.current else { throw .noMessage(encoding: thing.kind) }
            return try list.append(thing, at: codingPath(path))
        } catch {
            throw .invalidValue(
                thing,
                .init(codingPath: path, debugDescription: "\(codingPath(path)) \(error)", underlyingError: error))
        }
    }

    private func append(_ thing: Transferable, at place: String) throws(TransferFault) -> Int {
        if things[..<givenCount].contains(where: { $0.identity == thing.identity }) { throw .alsoInList(thing.kind) }
        if let other = places.updateValue(place, forKey: thing.identity) { throw .twice(thing.kind, other) }
        things.append(thing)
        return things.count - 1
    }
}
