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

    @Test("The windows of the dashboard script tell all and one of them, and the main window names who comes and goes")
    func dashboardScript() async throws {
        let script = Example.script("dashboard.sh")
        try await withExample(script) { main in
            #expect(await main.line() == "the dashboard is open")
            try await withExample(script, "ada") { ada in
                #expect(await main.line() == "+ ada")
                try await withExample(script, "grace") { grace in
                    #expect(await main.line() == "+ grace")
                    try await ada.type("theme dark")
                    #expect(await grace.line() == "theme dark, by ada")
                    // The program that posts is another one than the one that subscribes.
                    #expect(await ada.line() == "theme dark, by ada")
                    try await grace.type("@ada tea is ready")
                    #expect(await ada.line() == "grace: tea is ready")
                }
                #expect(await main.line() == "- grace")
            }
        }
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
