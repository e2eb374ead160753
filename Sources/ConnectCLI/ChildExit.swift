import CLinux
import ConnectTo
import LinuxIO

/// The end of a child process, as an event on the loop. Reaps nothing.
struct ChildExit {
    private let latch = Latch<Void>()
    private let process: Descriptor
    private let source: Reactor.Source

    init(of pid: Int32) throws {
        let process = Descriptor(adopting: try systemCall("pidfd_open") { clinux_pidfd_open(pid) })
        let latch = latch
        self.process = process
        source = try EventLoop.shared.reactor.watch(process.rawValue, for: [.read, .edge]) { _ in latch.set()
        }
    }

    var hasHappened: Bool { latch.value != nil }

    func happened() async {
        _ = await latch.wait()
        source.cancel()
        withExtendedLifetime(process) {}
    }
}
