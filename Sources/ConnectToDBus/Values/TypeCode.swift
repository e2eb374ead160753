/// The letters of the D-Bus type system in signatures and in libdbus's API.
enum TypeCode {
    static let invalid: UInt8 = 0
    static let byte = UInt8(ascii: "y")
    static let boolean = UInt8(ascii: "b")
    static let int16 = UInt8(ascii: "n")
    static let uint16 = UInt8(ascii: "q")
    static let int32 = UInt8(ascii: "i")
    static let uint32 = UInt8(ascii: "u")
    static let int64 = UInt8(ascii: "x")
    static let uint64 = UInt8(ascii: "t")
    static let double = UInt8(ascii: "d")
    static let string = UInt8(ascii: "s")
    static let objectPath = UInt8(ascii: "o")
    static let signature = UInt8(ascii: "g")
    static let unixFD = UInt8(ascii: "h")
    static let array = UInt8(ascii: "a")
    static let variant = UInt8(ascii: "v")
    /// libdbus's code for `(`…`)`.
    static let structure = UInt8(ascii: "r")
    /// libdbus's code for `{`…`}`.
    static let dictionaryEntry = UInt8(ascii: "e")

    /// Whether a letter of a signature denotes a basic type. Only basic types can be keys of a dictionary.
    static func isBasic(_ letter: UInt8) -> Bool {
        switch letter {
        case byte, boolean, int16, uint16, int32, uint32, int64, uint64, double, string, objectPath,
            signature, unixFD:
            true
        default: false
        }
    }

    /// The alignment in bytes, on the wire, of a value whose signature begins with this letter.
    static func alignment(_ letter: UInt8) -> Int {
        switch letter {
        case byte, signature, variant: 1
        case int16, uint16: 2
        case int64, uint64, double, UInt8(ascii: "("), UInt8(ascii: "{"): 8
        default: 4
        }
    }
}
