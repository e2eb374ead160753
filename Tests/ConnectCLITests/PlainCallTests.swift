import ArgumentParser
import Testing

@testable import ConnectCLI

@Suite("A call read without the parser") struct PlainCallTests {
    @Test(
        "is the one that the parser would have read",
        arguments: [
            "x", "x hello", "x hello there --no-reply", "--no-reply x hello", "x --json -q hello", "x --as-json 1",
            "x --bus unix:path=/nowhere --quiet", "--wait 0.5 x",
            "x --wait 1 --wait 2 a --bus system --bus session",
        ])
    func same(_ arguments: String) throws {
        let words = arguments.split(separator: " ").map(String.init)
        let plain = try #require(To(plain: words))
        let parsed = try To.parse(words)
        // Each option: one that was forgotten would show as not set, and stop the program when it is read.
        #expect(facts(plain) == facts(parsed))
        #expect(facts(plain).count > 10)
    }

    @Test(
        "is none where the parser has more to say",
        arguments: [
            "", "--no-reply", "x --", "x -- -1", "x -1", "x --bus", "x --bus --json", "x --wait -1",
            "x --wait soon",
            "x --help", "x --raw", "x --bus=session", "x --version", "--generate-completion-script x", "x -",
        ])
    func notPlain(_ arguments: String) {
        #expect(To(plain: arguments.split(separator: " ").map(String.init)) == nil)
    }

    private func facts(_ command: To) -> [String] {
        Mirror(reflecting: command).children.map { "\($0.label ?? "?") \($0.value)" }
    }
}
