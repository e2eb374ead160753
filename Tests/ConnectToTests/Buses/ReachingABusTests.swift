import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("Opening a bus", .chosenExecutor, .timeLimit(.minutes(1)))
struct ReachingABusTests {
    private func failure(at address: String, within deadline: Duration = .seconds(5)) async throws
        -> ConnectToError?
    {
        let loop = try EventLoop.shared
        return await #expect(throws: ConnectToError.self) {
            _ = try await Bus.open(address, limits: BusLimits(), on: loop, deadline: deadline)
        }
    }

    @Test(
        "An address where no bus listens, or that is not valid, is an error that names the address",
        arguments: [
            "unix:path=/nonexistent/bus", "unix:path=/dev/null", "tcp:host=127.0.0.1,port=1", "nonsense", "",
            "unix:", "autolaunch:",
        ])
    func wrongAddressIsNamed(address: String) async throws {
        try await expectNoDescriptorLeak {
            let error = await #expect(throws: ConnectToError.self) { _ = try await Bus.at(address) }
            #expect(error?.code == .busUnreachable)
            #expect(error?.message.contains(address) == true)
        }
    }

    @Test("A socket that answers nothing is given up as a bus after five seconds")
    func silentSocketTimesOut() async throws {
        try await withTemporaryDirectory(prefix: "connectto-fake") { directory in
            try await expectNoDescriptorLeak {
                let fake = try FakeBus(in: directory, saying: [], hangingUp: false)
                let (error, took) = try await timed {
                    try await failure(at: fake.address, within: .milliseconds(100))
                }
                #expect(error?.code == .busUnreachable)
                #expect(took < .seconds(5))
                #expect(took > .milliseconds(90))
            }
        }
    }

    @Test(
        "A program that answers with garbage, or hangs up, is not a bus, and is not waited for",
        arguments: [
            (Array("HTTP/1.0 400 Bad Request\r\n\r\n".utf8), true),
            (Array("REJECTED NOTHING\r\nERROR\r\nERROR\r\n".utf8), true),
            (
                Array("OK 0123456789abcdef0123456789abcdef\r\n".utf8) + [UInt8](repeating: 0xff, count: 512),
                true
            ),
            ([], true),
        ])
    func garbageIsNotABus(greeting: [UInt8], hangingUp: Bool) async throws {
        try await withTemporaryDirectory(prefix: "connectto-fake") { directory in
            try await expectNoDescriptorLeak {
                let fake = try FakeBus(in: directory, saying: greeting, hangingUp: hangingUp)
                let (error, took) = try await timed { try await failure(at: fake.address) }
                #expect(error?.code == .busUnreachable)
                #expect(took < .seconds(5))
            }
        }
    }

    @Test("A program that sends garbage without end is given up as a bus at the deadline")
    func endlessGarbageTimesOut() async throws {
        try await withTemporaryDirectory(prefix: "connectto-fake") { directory in
            let fake = try FakeBus(
                in: directory, saying: [UInt8](repeating: UInt8(ascii: "x"), count: 100_000), hangingUp: false
            )
            let error = try await failure(at: fake.address, within: .milliseconds(200))
            #expect(error?.code == .busUnreachable)
        }
    }

    @Test("All parts that ask at once for a bus that does not run get the error")
    func allOpenersLearnOfFailure() async {
        let codes = await withTaskGroup(of: ConnectToError.Code?.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    do throws(ConnectToError) {
                        _ = try await Bus.at("unix:path=/nonexistent/bus")
                        return nil
                    } catch {
                        return error.code
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes == Array(repeating: .busUnreachable, count: 20))
    }

    @Test("A cancelled task that opens a bus leaves the opening to the other tasks", .privateBus)
    func cancelledOpenerSpoilsNothing() async throws {
        let address = try PrivateBus.current.address
        for _ in 0..<20 {
            let leaving = Task { try await Bus.at(address) }
            let staying = Task { try await Bus.at(address) }
            leaving.cancel()
            #expect(try await !staying.value.isLost)
            _ = await leaving.result
        }
    }
}
