import ConnectToTesting
import Foundation
import Testing

@Suite("The example two-windows", .privateBus, .timeLimit(.minutes(1)))
struct TwoWindowsTests {
    private let file: String

    init() throws {
        file = try PrivateBus.current.directory + "/document"
        try "first\nsecond\n".write(toFile: file, atomically: true, encoding: .utf8)
    }

    @Test("What is typed in one window shows in the other at once, and edits in the same line are merged")
    func merging() async throws {
        let (one, other) = (try PseudoTerminal(), try PseudoTerminal())
        try await one.run(.built("two-windows"), file) { _ in
            #expect(await one.shows { $0.starts(with: ["first", "second"]) })
            try await other.run(.built("two-windows"), file) { _ in
                #expect(await other.shows { $0.starts(with: ["first", "second"]) && $0.last!.contains("2 windows") })
                one.type("the ")
                #expect(await other.shows { $0[0] == "the first" })
                // To the end of the first line, behind what the other window has typed.
                other.type("\u{1b}[F line\r")
                #expect(await one.shows { $0.starts(with: ["the first line", "", "second"]) })
                one.type("very \u{7f}\u{7f}\u{7f}\u{7f}\u{7f}")
                other.type("😀é")
                #expect(await one.shows { $0.starts(with: ["the first line", "😀é", "second"]) })
                #expect(await other.shows { $0.starts(with: ["the first line", "😀é", "second"]) })
            }
        }
    }

    @Test("Each window shows where the cursor of the other is, until that is killed")
    func cursors() async throws {
        let (one, other) = (try PseudoTerminal(), try PseudoTerminal())
        try await one.run(.built("two-windows"), file) { _ in
            #expect(await one.shows { $0[0] == "first" })
            try await other.run(.built("two-windows"), file) { kill in
                #expect(await other.shows { $0[0] == "first" })
                other.type("\u{1b}[B\u{1b}[C\u{1b}[C")
                #expect(await one.marks { $0 == ["c"] })
                one.type("new\r")
                #expect(await one.marks { $0 == ["c"] })
                kill()
                #expect(await one.marks { $0 == [] })
                #expect(await one.shows { $0.last!.contains("one window") })
            }
        }
    }

    @Test("When the first window is killed the others have the text, go on together, and one saves it")
    func killed() async throws {
        let (one, two, three) = (try PseudoTerminal(), try PseudoTerminal(), try PseudoTerminal())
        try await one.run(.built("two-windows"), file) { killFirst in
            #expect(await one.shows { $0[0] == "first" })
            try await two.run(.built("two-windows"), file) { _ in
                #expect(await two.shows { $0[0] == "first" })
                try await three.run(.built("two-windows"), file) { _ in
                    #expect(await three.shows { $0[0] == "first" && $0.last!.contains("3 windows") })
                    one.type("kept ")
                    #expect(await two.shows { $0[0] == "kept first" })
                    killFirst()
                    two.type("still ")
                    #expect(await three.shows { $0[0].contains("still ") && $0[0].contains("kept ") })
                    three.type("\u{1b}[B\u{1b}[F too\u{13}")
                    #expect(await three.shows { $0.last!.contains("saved") })
                    #expect(await two.shows { $0[1] == "second too" })
                    let saved = try String(contentsOfFile: file, encoding: .utf8)
                    #expect(saved.components(separatedBy: "\n").count == 3)
                    #expect(saved.contains("still ") && saved.contains("kept ") && saved.hasSuffix("second too\n"))
                }
            }
        }
    }

    @Test("A window that cannot read its file says so, and leaves the file as it is")
    func unreadable() async throws {
        let bytes = Data([0xff, 0xfe, 0xfd])
        try bytes.write(to: URL(fileURLWithPath: file))
        let terminal = try PseudoTerminal()
        try await terminal.run(.built("two-windows"), file) { _ in
            #expect(await terminal.shows { $0.joined().contains("two-windows: \(file)".suffix(20)) })
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == bytes)
    }
}
