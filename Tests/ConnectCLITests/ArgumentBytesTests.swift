import Testing

@testable import ConnectCLI

@Suite("The bytes of command line arguments") struct ArgumentBytesTests {
    @Test(
        "A command line argument in UTF-8 passes unchanged",
        arguments: ["", "hello", "--once", "naïve 🙂\n", "\u{10FEFF}"])
    func utf8PassesUnchanged(_ argument: String) {
        #expect(ArgumentBytes.escaped(Array(argument.utf8)) == argument)
        #expect(ArgumentBytes.text(of: argument) == argument)
    }

    @Test(
        "A command line argument that is not UTF-8 is restored byte for byte",
        arguments: [[0xFF], [0x61, 0xC3], [0xC3, 0xA9, 0x80, 0x2D]])
    func otherBytesAreRestored(_ argument: [UInt8]) {
        let escaped = ArgumentBytes.escaped(argument)
        #expect(ArgumentBytes.bytes(of: escaped) == argument)
        #expect(ArgumentBytes.text(of: escaped) == nil)
    }

    @Test("A command line argument that looks escaped already is restored unchanged")
    func argumentThatLooksEscapedIsRestored() {
        let argument = "a\u{10FFC3}é"
        let escaped = ArgumentBytes.escaped(Array(argument.utf8))
        #expect(ArgumentBytes.text(of: escaped) == argument)
    }

    @Test("An option whose value is not UTF-8 is still recognized as that option")
    func optionWithOtherBytesStaysRecognizable() {
        #expect(ArgumentBytes.escaped([0x2D, 0x2D, 0x61, 0x3D, 0xFF]).hasPrefix("--a="))
    }
}
