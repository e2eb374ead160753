import ConnectToDBus

@testable import ConnectTo

/// What a caller may write into its hello, and a listener into its welcome.
func fuzzOptions(_ source: consuming ByteSource) {
    var source = source
    let value = source.byte() == 0 ? source.value(depth: 0) : source.options()
    guard let greeting = try? Greeting(decoding: value) else { return }
    planted(greeting.metadata.keys.contains { Array($0.utf8).withUnsafeBytes(hasOddByte) })
    expect(greeting.version > 0, "version 0 has been let through")
    expect(greeting.metadata.isCarriable, "metadata over the limit has been let through")
    expect(
        (try? Greeting(decoding: greeting.encoded)) == greeting, "a greeting does not survive a round trip")
    if let context = greeting.context { check(ContextName(busName: context)) }
}

extension ByteSource {
    /// Mostly what it should be, so that more than the first check is reached.
    fileprivate mutating func options() -> DBusValue {
        var pairs: [DBusValue.Pair] = []
        while !isAtEnd, pairs.count < 32 {
            let (key, value): (String, DBusValue) =
                switch byte() % 8 {
                case 0: ("version", .uint32(UInt32(byte())))
                case 1: ("features", .array(of: "s", items { .string($0.string()) }))
                case 2: ("context", .string("org.example.Context." + string()))
                case 3: ("context", .string(string()))
                case 4, 5: ("metadata", .dictionary(key: "s", value: "s", metadata()))
                case 6: (["version", "features", "context", "metadata"][Int(byte() & 3)], value(depth: 0))
                default: (string(), value(depth: 0))
                }
            pairs.append(.init(.string(key), .variant(value)))
        }
        return .dictionary(key: "s", value: "v", pairs)
    }

    private mutating func metadata() -> [DBusValue.Pair] {
        items { .init(.string($0.string()), .string($0.string())) }
    }

    private mutating func items<Item>(_ make: (inout ByteSource) -> Item) -> [Item] {
        let count = Int(byte() & 7)
        var items: [Item] = []
        for _ in 0..<count { items.append(make(&self)) }
        return items
    }

    /// Any value; not all of them could stand in a message.
    fileprivate mutating func value(depth: Int) -> DBusValue {
        switch byte() % (depth < 4 ? 12 : 7) {
        case 0: .byte(byte())
        case 1: .boolean(byte() & 1 != 0)
        case 2: .uint32(UInt32(byte()))
        case 3: .int64(Int64(byte()) - 128)
        case 4: .string(string())
        case 5: .objectPath(string())
        case 6: .bytes([UInt8](bytes(Int(byte()))))
        case 7: .array(of: string(), items { $0.value(depth: depth + 1) })
        case 8: .array(of: "s", items { $0.value(depth: depth + 1) })
        case 9:
            .dictionary(
                key: "s", value: ["s", "v"][Int(byte() & 1)],
                items { .init($0.value(depth: depth + 1), $0.value(depth: depth + 1)) })
        case 10: .structure(items { $0.value(depth: depth + 1) })
        default: .variant(value(depth: depth + 1))
        }
    }
}
