import Glibc
import SystemPackage
import Testing

@testable import ConnectToLinux

@Suite("A program that is started", .timeLimit(.minutes(1)))
struct ProgramStartTests {
    private func start(
        _ change: (inout ProgramStart) -> Void, _ body: (StartedProcess) throws -> Void
    ) throws -> StartedProcess.Ending {
        let null = Descriptor(adopting: try systemCall("open") { open("/dev/null", O_RDWR | O_CLOEXEC) })
        var program = ProgramStart(
            [Array("sleep".utf8), Array("1000".utf8)], environment: [], input: null, output: null)
        program.opensDescriptor = true
        change(&program)
        let process = try program.run()
        try body(process)
        return process.end()
    }

    @Test("A program leads a session of its own, and with joinsSession it is in that of this process")
    func session() throws {
        let ending = try start { _ in
        } _: { process in
            #expect(getsid(process.pid) == process.pid)
            #expect(getpgid(process.pid) == process.pid)
        }
        #expect(ending == .signaled(SIGKILL))
        let other = try start {
            $0.joinsSession = true
        } _: { process in
            #expect(getsid(process.pid) == getsid(0))
            #expect(getpgid(process.pid) == process.pid)
        }
        #expect(other == .signaled(SIGKILL))
    }
}
