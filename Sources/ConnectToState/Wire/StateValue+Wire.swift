/// How values are written: the first byte says what it is, and small ones are in it.
extension StateValue {
    private enum Tag {
        /// Integers from 0 to 127 are their own byte.
        static let smallIntegers: ClosedRange<UInt8> = 0x00...0x7f
        /// Strings of 0 to 63 bytes.
        static let shortStrings: ClosedRange<UInt8> = 0x80...0xbf
        static let null: UInt8 = 0xc0
        static let no: UInt8 = 0xc1
        static let yes: UInt8 = 0xc2
        /// A number of 64 bits (IEEE 754), and one that needs only 32.
        static let double: UInt8 = 0xc3
        static let float: UInt8 = 0xc4
        static let string: UInt8 = 0xc5
        static let array: UInt8 = 0xc6
        static let object: UInt8 = 0xc7
        /// Integers of 1 to 8 bytes, and negative ones, of which −1 − n follows.
        static let integers: ClosedRange<UInt8> = 0xc8...0xcf
        static let negativeIntegers: ClosedRange<UInt8> = 0xd0...0xd7
        /// Integers from −1 to −32.
        static let smallNegativeIntegers: ClosedRange<UInt8> = 0xe0...0xff
    }

    func write(to writer: inout StateWriter) {
        switch self {
        case .null: writer.byte(Tag.null)
        case .bool(let value): writer.byte(value ? Tag.yes : Tag.no)
        case .integer(let value): Self.write(value, to: &writer)
        case .number(let value):
            if Double(Float(value)).bitPattern == value.bitPattern {
                writer.byte(Tag.float)
                writer.fixed(UInt64(Float(value).bitPattern), bytes: 4)
            } else {
                writer.byte(Tag.double)
                writer.fixed(value.bitPattern)
            }
        case .string(let value):
            let count = value.utf8.count
            if count < Tag.shortStrings.count {
                writer.byte(Tag.shortStrings.lowerBound + UInt8(count))
                writer.append(value.utf8)
            } else {
                writer.byte(Tag.string)
                writer.string(value)
            }
        case .array(let values):
            writer.byte(Tag.array)
            writer.varint(UInt64(values.count))
            for value in values { value.write(to: &writer) }
        case .object(let members):
            writer.byte(Tag.object)
            writer.varint(UInt64(members.count))
            // In the order of the bytes, so that the same object is the same bytes everywhere.
            for (key, value) in members.map({ (StateKey($0.key), $0.value) }).sorted(by: { $0.0 < $1.0 }) {
                writer.key(key)
                value.write(to: &writer)
            }
        }
    }

    private static func write(_ value: Int64, to writer: inout StateWriter) {
        let magnitude = UInt64(bitPattern: value < 0 ? ~value : value)
        if value >= 0, magnitude <= Tag.smallIntegers.upperBound {
            writer.byte(UInt8(magnitude))
        } else if value < 0, magnitude < Tag.smallNegativeIntegers.count {
            writer.byte(Tag.smallNegativeIntegers.lowerBound + UInt8(magnitude))
        } else {
            let count = max(1, 8 - magnitude.leadingZeroBitCount / 8)
            let tags = value < 0 ? Tag.negativeIntegers : Tag.integers
            writer.byte(tags.lowerBound + UInt8(count - 1))
            writer.fixed(magnitude, bytes: count)
        }
    }

    /// - Parameter depth: how deep values may still be inside of each other.
    init(from reader: inout StateReader, depth: Int) throws(StateViolation) {
        let tag = try reader.byte()
        switch tag {
        case Tag.smallIntegers: self = .integer(Int64(tag))
        case Tag.shortStrings: self = .string(try reader.string(bytes: Int(tag - Tag.shortStrings.lowerBound)))
        case Tag.null: self = .null
        case Tag.no: self = .bool(false)
        case Tag.yes: self = .bool(true)
        case Tag.double: self = try Self.finite(Double(bitPattern: try reader.fixed()))
        case Tag.float: self = try Self.finite(Double(Float(bitPattern: UInt32(try reader.fixed(bytes: 4)))))
        case Tag.string: self = .string(try reader.string())
        case Tag.array: self = .array(try Self.elements(from: &reader, depth: depth))
        case Tag.object: self = .object(try Self.members(from: &reader, depth: depth))
        case Tag.integers:
            self = .integer(try Self.integer(from: &reader, bytes: Int(tag - Tag.integers.lowerBound) + 1))
        case Tag.negativeIntegers:
            self = .integer(~(try Self.integer(from: &reader, bytes: Int(tag - Tag.negativeIntegers.lowerBound) + 1)))
        case Tag.smallNegativeIntegers: self = .integer(~Int64(tag - Tag.smallNegativeIntegers.lowerBound))
        default: throw StateViolation("a value is of a kind that there is not")
        }
    }

    private static func finite(_ value: Double) throws(StateViolation) -> StateValue {
        guard value.isFinite else { throw .notFinite }
        return .number(value)
    }

    private static func integer(from reader: inout StateReader, bytes: Int) throws(StateViolation) -> Int64 {
        guard let value = Int64(exactly: try reader.fixed(bytes: bytes)) else {
            throw StateViolation("an integer has more than 64 bits")
        }
        return value
    }

    private static func elements(from reader: inout StateReader, depth: Int) throws(StateViolation) -> [StateValue] {
        guard depth > 0 else { throw reader.limits.tooDeep }
        var values: [StateValue] = []
        for _ in 0..<(try reader.count()) { values.append(try StateValue(from: &reader, depth: depth - 1)) }
        return values
    }

    private static func members(from reader: inout StateReader, depth: Int) throws(StateViolation)
        -> [String: StateValue]
    {
        guard depth > 0 else { throw reader.limits.tooDeep }
        var members: [String: StateValue] = [:]
        for _ in 0..<(try reader.count()) {
            let (key, _) = try reader.key()
            let value = try StateValue(from: &reader, depth: depth - 1)
            guard members.updateValue(value, forKey: key.string) == nil else {
                throw StateViolation("an object has a key twice, or two that are the same text")
            }
        }
        return members
    }
}
