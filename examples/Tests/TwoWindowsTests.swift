import ConnectToTesting
import Foundation
import Testing

@Suite("The example two-windows", .privateBus, .timeLimit(.minutes(1)))
struct TwoWindowsTests {
    @Test("Text typed in one window shows in the other, which has the document when the owner is killed")
    func otherWindowTakesOver() async throws {
        let file = try PrivateBus.current.directory + "/document"
        try "first\n".write(toFile: file, atomically: true, encoding: .utf8)
        try await withExample(.built("two-windows"), file) { owner in
            #expect(await owner.line() == "(this window has the document, 1 lines)")
            try await withExample(.built("two-windows"), file) { other in
                try await other.type("second")
                #expect(await owner.line() == "2 second")
                #expect(await other.line() == "2 second")
                try await owner.type("1 anew")
                #expect(await owner.line() == "1 anew")
                #expect(await other.line() == "1 anew")
                owner.kill()
                #expect(await other.line() == "(this window has the document, 2 lines)")
                try await other.type("third")
                #expect(await other.line() == "3 third")
                try await withExample(.built("two-windows"), file) { late in
                    try await late.type("fourth")
                    #expect(await late.line() == "4 fourth")
                    #expect(await other.line() == "4 fourth")
                }
                #expect(try String(contentsOfFile: file, encoding: .utf8) == "anew\nsecond\nthird\nfourth\n")
            }
        }
    }
}
