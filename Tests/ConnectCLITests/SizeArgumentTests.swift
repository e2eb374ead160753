import Testing

@testable import ConnectCLI

@Suite("A size on the command line") struct SizeArgumentTests {
    @Test(
        "A size on the command line is a number of bytes, or of K, M, G or T of 1,024",
        arguments: [
            ("0", 0), ("5000", 5000), ("2K", 2048), ("2k", 2048), ("20M", 20 << 20), ("4G", 4 << 30), ("1T", 1 << 40),
            ("9999999999T", Int.max),
        ])
    func readsBytesAndUnits(_ argument: String, _ bytes: Int) throws {
        #expect(try SizeArgument(argument).bytes == bytes)
    }

    @Test(
        "A size on the command line in any other form is refused",
        arguments: ["", "M", "-1", "1.5G", "5B", "5 M", "5KB", "99999999999999999999"])
    func refusesOtherText(_ argument: String) {
        #expect(throws: (any Error).self) { try SizeArgument(argument) }
    }
}
