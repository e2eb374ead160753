import ConnectToTesting
import Foundation
import Testing

@Suite("The examples in shell", .privateBus, .timeLimit(.minutes(1)))
struct ScriptTests {
    @Test("Each member of a chat room hears what the others say, and who comes and goes")
    func membersOfAChatHearEachOther() async throws {
        try await withExample(.script("chat.sh"), "room", "Ada") { ada in
            #expect(await ada.line() == "* Ada is here")
            try await withExample(.script("chat.sh"), "room", "Grace") { grace in
                #expect(await grace.line() == "* Grace is here")
                #expect(await ada.line() == "* Grace is here")
                try await ada.type("Hello, Grace")
                #expect(await grace.line() == "Ada: Hello, Grace")
                try await grace.type("Hello, Ada")
                #expect(await ada.line() == "Grace: Hello, Ada")
                try await grace.finish()
                #expect(await ada.line() == "* Grace left")
            }
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: PrivateBus.current.directory)
        #expect(left.filter { $0.hasPrefix("tmp.") } == [])
    }

    @Test("The demonstration shows what it announces, and ends with 0")
    func demonstrationShowsWhatItAnnounces() async throws {
        let demo = try await outcome(of: .script("demo.sh"))
        #expect(demo.isSuccess)
        let lines = demo.output.split(separator: "\n").map(String.init)
        for expected in ["Welcome, Ada!", "Welcome, Grace!", "Welcome, 100000!", "(exit code 68)"] {
            #expect(lines.contains(expected))
        }
    }
}
