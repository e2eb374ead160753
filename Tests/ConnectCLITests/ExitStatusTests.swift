import ConnectTo
import Testing

@testable import ConnectCLI

@Suite struct ExitStatusTests {
    @Test(
        "Each end of a port has its exit code",
        arguments: [
            (CloseReason.Code.peerExited, 76), (.refused, 77), (.unavailable, 68), (.timedOut, 75),
            (.busy, 75), (.protocolError, 76),
            (.busLost, 69), (.outOfResources, 74),
        ])
    func reasons(_ code: CloseReason.Code, _ status: Int) {
        let failure = Failure(CloseReason(code, detail: "so it is"), peer: "x")
        #expect((failure?.status.code).map { Int($0) } == status)
        #expect(failure?.message?.contains("so it is") == true)
    }

    @Test("The peer is named once, also where the library names it")
    func named() {
        let whole = Failure(CloseReason(.peerExited, detail: "\"x\" went away"), peer: "x")
        #expect(whole?.message?.hasPrefix("\"x\" went away; ") == true)
        let part = Failure(CloseReason(.peerExited, detail: "the process ended"), peer: "x")
        #expect(part?.message?.hasPrefix("x: the process ended; ") == true)
    }

    @Test("An orderly end is none")
    func closed() {
        #expect(Failure(CloseReason(.closed, detail: ""), peer: "x") == nil)
    }

    @Test("The codes are those of sysexits.h")
    func codes() {
        let all: [ConnectCLI.ExitStatus] = [
            .success, .usage, .unsendable, .noSuchName, .busUnavailable, .nameTaken, .inputOutput, .timedOut,
            .busy, .peerFailed, .refused, .signal(15),
        ]
        #expect(all.map { $0.code } == [0, 64, 65, 68, 69, 73, 74, 75, 75, 76, 77, 143])
    }

    @Test(
        "What a peer left is told: how many messages, and whether there was more",
        arguments: [
            (0, true, "before all of the input"), (1, false, "the last message sent"),
            (3, false, "the last 3 messages sent"), (3, true, "and before the rest"),
        ])
    func untaken(_ undelivered: Int, _ hasRest: Bool, _ part: String) {
        let failure = Failure.untaken(by: "x", undelivered: undelivered, hasRest: hasRest)
        #expect(failure.status == .inputOutput)
        #expect(failure.message?.contains(part) == true)
        #expect(failure.message?.contains("rest") == (undelivered > 0 && hasRest))
    }

    @Test("A time is seconds, with a fraction", arguments: [("2", 2.0), ("0.25", 0.25), ("1e1", 10)])
    func seconds(_ argument: String, _ seconds: Double) throws {
        #expect(try Seconds(argument).duration == .seconds(seconds))
    }

    @Test("Other things are no time", arguments: ["", "x", "-1", "inf", "nan", "1s"])
    func noSeconds(_ argument: String) {
        #expect(throws: (any Error).self) { try Seconds(argument) }
    }
}
