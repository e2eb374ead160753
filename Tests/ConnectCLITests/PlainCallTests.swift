import ArgumentParser
import Testing

@testable import ConnectCLI

@Suite("Arguments of connect to that are read without ArgumentParser") struct PlainCallTests {
    @Test(
        "A call that is read without ArgumentParser equals the one that ArgumentParser reads",
        arguments: [
            "x", "x hello", "x hello there --no-reply", "--no-reply x hello", "x --json -q hello", "x --as-json 1",
            "x --bus unix:path=/nowhere --quiet", "--wait 0.5 x",
            "x --wait 1 --wait 2 a --bus system --bus session",
        ])
    func plainCallEqualsTheParsers(_ arguments: String) throws {
        let words = arguments.split(separator: " ").map(String.init)
        let plain = try #require(To(plain: words))
        let parsed = try To.parse(words)
        // Each option: one that was forgotten would show as not set, and stop the program when it is read.
        #expect(facts(plain) == facts(parsed))
        #expect(facts(plain).count > 10)
    }

    @Test(
        "A call with any other option or with an error is left to ArgumentParser",
        arguments: [
            "", "--no-reply", "x --", "x -- -1", "x -1", "x --bus", "x --bus --json", "x --wait -1",
            "x --wait soon",
            "x --help", "x --raw", "x --bus=session", "x --version", "--generate-completion-script x", "x -",
        ])
    func otherCallsAreLeftToTheParser(_ arguments: String) {
        #expect(To(plain: arguments.split(separator: " ").map(String.init)) == nil)
    }

    private func facts(_ command: To) -> [String] {
        Mirror(reflecting: command).children.map { "\($0.label ?? "?") \($0.value)" }
    }
}
