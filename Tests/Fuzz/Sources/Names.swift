@testable import ConnectTo

/// Names, escaped and not, that somebody else has chosen.
func fuzzNames(_ source: consuming ByteSource) {
    var source = source
    let origin = source.byte() & 1 != 0 ? source.string() : "org.example"
    let text = String(decoding: source.all(), as: UTF8.self)
    if let name = Escaping.unescape(text) {
        expect(Escaping.escape(name).utf8.elementsEqual(text.utf8), "two escaped forms of one name")
        planted(name.utf8.contains(UInt8(ascii: "z")))
    }
    if !text.isEmpty {
        let back = Escaping.unescape(Escaping.escape(text))
        expect(back?.utf8.elementsEqual(text.utf8) == true, "a name does not survive escaping")
    }
    check(ContextName(busName: text))
    if let name = try? ContextName(text, origin: origin) {
        check(name)
        expect(ContextName(busName: name.busName) == name, "a name is lost on the bus")
    }
}

/// What holds of every name that was let through.
func check(_ name: ContextName?) {
    guard let name else { return }
    expect(name.busName.utf8.allSatisfy { $0 < 0x80 }, "a bus name with other than ASCII in it")
    expect(!name.objectPath.contains("//"), "a path with an empty element")
    if let again = try? ContextName(name.name, origin: name.origin) {
        expect(again == name, "two bus names of one context")
    }
}
