import ConnectTo
import Testing

@testable import ConnectCLI

@Suite("The exit status of connect") struct ExitStatusTests {
    @Test(
        "Each close reason of a port has its exit code",
        arguments: [
            (CloseReason.Code.peerExited, 76), (.refused, 77), (.unavailable, 68), (.timedOut, 75),
            (.busy, 75), (.protocolError, 76),
            (.busLost, 69), (.outOfResources, 74),
        ])
    func eachCloseReasonHasItsCode(_ code: CloseReason.Code, _ status: Int) {
        let failure = Failure(CloseReason(code, detail: "so it is"), peer: "x")
        #expect((failure?.status.code).map { Int($0) } == status)
        #expect(failure?.message?.contains("so it is") == true)
    }

    @Test("A failure's message names the peer once, also where the library names it already")
    func messageNamesThePeerOnce() {
        let whole = Failure(CloseReason(.peerExited, detail: "\"x\" went away"), peer: "x")
        #expect(whole?.message?.hasPrefix("\"x\" went away; ") == true)
        let part = Failure(CloseReason(.peerExited, detail: "the process ended"), peer: "x")
        #expect(part?.message?.hasPrefix("x: the process ended; ") == true)
    }

    @Test("The orderly end of a port is not a failure")
    func orderlyEndIsNoFailure() {
        #expect(Failure(CloseReason(.closed, detail: ""), peer: "x") == nil)
    }

    @Test("The exit codes are those of sysexits.h")
    func codesAreThoseOfSysexits() {
        let all: [ConnectCLI.ExitStatus] = [
            .success, .usage, .unsendable, .noSuchName, .busUnavailable, .nameTaken, .inputOutput, .timedOut,
            .busy, .peerFailed, .refused, .signal(15),
        ]
        #expect(all.map { $0.code } == [0, 64, 65, 68, 69, 73, 74, 75, 75, 76, 77, 143])
    }

    @Test(
        "A peer that closed too early is reported with the number of messages that it did not take",
        arguments: [
            (0, true, "before all of the input"), (1, false, "did not take the last message sent to it;"),
            (3, false, "did not take the last 3 messages sent to it;"), (3, true, "nor the rest of the input"),
        ])
    func untakenMessagesAreCounted(_ undelivered: Int, _ hasRest: Bool, _ part: String) {
        let failure = Failure.untaken(by: "x", undelivered: undelivered, hasRest: hasRest)
        #expect(failure.status == .inputOutput)
        #expect(failure.message?.contains(part) == true)
        #expect(failure.message?.contains("rest") == (undelivered > 0 && hasRest))
    }

    @Test(
        "A time on the command line is a number of seconds, with a fraction",
        arguments: [("2", 2.0), ("0.25", 0.25), ("1e1", 10)])
    func timeIsSecondsWithAFraction(_ argument: String, _ seconds: Double) throws {
        #expect(try SecondsArgument(argument).duration == .seconds(seconds))
    }

    @Test("A time on the command line in any other form is refused", arguments: ["", "x", "-1", "inf", "nan", "1s"])
    func otherTimesAreRefused(_ argument: String) {
        #expect(throws: (any Error).self) { try SecondsArgument(argument) }
    }
}
