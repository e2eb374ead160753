import Testing

@testable import ConnectCLI

@Suite struct ArgumentBytesTests {
    @Test(
        "An argument in UTF-8 passes as it is", arguments: ["", "hello", "--once", "naïve 🙂\n", "\u{10FEFF}"])
    func utf8(_ argument: String) {
        #expect(ArgumentBytes.escaped(Array(argument.utf8)) == argument)
        #expect(ArgumentBytes.text(of: argument) == argument)
    }

    @Test(
        "What is not UTF-8 comes out byte for byte",
        arguments: [[0xFF], [0x61, 0xC3], [0xC3, 0xA9, 0x80, 0x2D]])
    func bytes(_ argument: [UInt8]) {
        let escaped = ArgumentBytes.escaped(argument)
        #expect(ArgumentBytes.bytes(of: escaped) == argument)
        #expect(ArgumentBytes.text(of: escaped) == nil)
    }

    @Test("An argument that looks escaped already comes out as it was")
    func looksEscaped() {
        let argument = "a\u{10FFC3}é"
        let escaped = ArgumentBytes.escaped(Array(argument.utf8))
        #expect(ArgumentBytes.text(of: escaped) == argument)
    }

    @Test("Options stay recognizable beside foreign bytes")
    func options() {
        #expect(ArgumentBytes.escaped([0x2D, 0x2D, 0x61, 0x3D, 0xFF]).hasPrefix("--a="))
    }
}
