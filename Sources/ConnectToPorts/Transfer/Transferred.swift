/// A port, an open file or a buffer inside of a `Codable` value, which goes along with the message that the value is
/// encoded into.
///
/// ```swift
/// struct Export: Codable {
///     var name: String
///     @Transferred var file: OpenFile
///     @Transferred var previews: [SharedBuffer]
///     @Transferred var progress: MessagePort?
/// }
///
/// try port.postMessage(.encoding(Export(name: "report", file: file, previews: [], progress: nil)))
/// let export = try message.decode(Export.self)  // in the other program, where export.file is open
/// ```
///
/// It holds a ``MessagePort``, an ``OpenFile``, a ``SharedBuffer``, a ``Transferable``, or optionals, arrays and
/// dictionaries of them (``TransferredContent``). Where there can be no attribute, as in an enum's case, write the type:
/// `case file(Transferred<OpenFile>)`. Nothing goes along that is not declared so.
///
/// **Encoding** enters the things into the message's list (``OutgoingMessage/transfer``), behind what the program has
/// put there itself, and writes the number of each in that list, from 0. The value above becomes
/// `{"name":"report","file":0,"previews":[]}`. Nothing is given away before the message is posted, and nothing at all
/// where posting throws. A thing that stands twice in a value, or in the value and in the list, is an error. As with
/// every message that transfers something, only one port can take it: ``MessageBatch`` refuses it.
///
/// **Decoding** finds the things of the message by their numbers. It is an error where a number is not in the list, where
/// the thing is of another kind, or where two places of the value name the same thing. Values that are decoded from the
/// same message share its things: if one of them closes a file, that is closed for the others too.
///
/// **What no value names** stays in ``Message/transferred``, and is closed when the message's last copy goes; the program
/// may close it earlier (``Transferable/close()``).
///
/// A value with such things can be encoded and decoded only as part of a message: with
/// ``OutgoingMessage/encoding(_:transfer:)`` and ``Message/decode(_:)`` or, by coders of the program's own, with
/// ``OutgoingMessage/encoding(as:transfer:with:)`` and ``Message/decode(with:)``. Everywhere else it throws an
/// `EncodingError` or a `DecodingError`, which says so.
@propertyWrapper
public struct Transferred<Content: TransferredContent>: Codable, Sendable {
    /// What goes along, or has come.
    public var wrappedValue: Content

    /// Declares that the content goes along with the message.
    public init(wrappedValue: Content) {
        self.wrappedValue = wrappedValue
    }

    /// Finds the content among the things of the message that is being decoded.
    ///
    /// - Throws: `DecodingError`.
    public init(from decoder: any Decoder) throws {
        wrappedValue = try Content.decodeTransferred(from: decoder)
    }

    /// Enters the content into the list of the message that is being encoded.
    ///
    /// - Throws: `EncodingError`.
    public func encode(to encoder: any Encoder) throws {
        try wrappedValue.encodeTransferred(to: encoder)
    }
}

extension KeyedEncodingContainer {
    /// Writes no key where there is nothing, as for every optional.
    public mutating func encode<Content>(_ value: Transferred<Content?>, forKey key: Key) throws {
        try encodeIfPresent(value.wrappedValue.map(Transferred.init), forKey: key)
    }
}

extension KeyedDecodingContainer {
    /// Takes a key that is missing for nothing, as for every optional.
    public func decode<Content>(_ type: Transferred<Content?>.Type, forKey key: Key) throws -> Transferred<Content?> {
        Transferred(wrappedValue: try decodeIfPresent(Transferred<Content>.self, forKey: key)?.wrappedValue)
    }
}
