import ConnectTo
import Testing

@testable import ConnectCLI

@Suite struct ExitStatusTests {
    @Test(
        "Each end of a port has its exit code",
        arguments: [
            (CloseReason.Code.peerExited, 76), (.refused, 77), (.unavailable, 68), (.timedOut, 75),
            (.protocolError, 76),
            (.busLost, 69),
        ])
    func reasons(_ code: CloseReason.Code, _ status: Int) {
        let failure = Failure(CloseReason(code, detail: "so it is"), peer: "x")
        #expect((failure?.status.code).map { Int($0) } == status)
        #expect(failure?.message?.contains("so it is") == true)
    }

    @Test("An orderly end is none")
    func closed() {
        #expect(Failure(CloseReason(.closed, detail: ""), peer: "x") == nil)
    }

    @Test("The codes are those of sysexits.h")
    func codes() {
        let all: [ConnectCLI.ExitStatus] = [
            .success, .usage, .unsendable, .noSuchName, .busUnavailable, .nameTaken, .inputOutput, .timedOut,
            .peerFailed, .refused, .signal(15),
        ]
        #expect(all.map { $0.code } == [0, 64, 65, 68, 69, 73, 74, 75, 76, 77, 143])
    }

    @Test("A time is seconds, with a fraction", arguments: [("2", 2.0), ("0.25", 0.25), ("1e1", 10)])
    func seconds(_ argument: String, _ seconds: Double) {
        #expect(Seconds(argument: argument)?.duration == .seconds(seconds))
    }

    @Test("Other things are no time", arguments: ["", "x", "-1", "inf", "nan", "1s"])
    func noSeconds(_ argument: String) {
        #expect(Seconds(argument: argument) == nil)
    }
}
