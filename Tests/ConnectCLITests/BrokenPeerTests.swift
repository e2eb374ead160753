import ConnectToTesting
import Subprocess
import SystemPackage
import Testing

extension Trait where Self == ConditionTrait {
    static var withPythonGI: Self {
        .enabled("There is no python3-gi for /usr/bin/python3: make setup installs it") {
            let result = try? await Subprocess.run(
                .path("/usr/bin/python3"), arguments: ["-c", "from gi.repository import Gio"], output: .discarded,
                error: .discarded
            )
            return result?.terminationStatus.isSuccess ?? false
        }
    }
}

@Suite("A peer that breaks the protocol", .privateBus, .timeLimit(.minutes(1)), .withPythonGI) struct BrokenPeerTests {
    /// Is introduced as the protocol has it, sends what is no frame, and reads to the end.
    private static let peer = """
        cat >peer.py <<'end'
        from gi.repository import Gio, GLib
        import socket
        ours, theirs = socket.socketpair()
        files = Gio.UnixFDList()
        files.append(theirs.fileno())
        bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        bus.call_with_unix_fd_list_sync(
            "org.connectto.Context.x", "/org/connectto/Context/x", "org.connectto.Context1", "Connect",
            GLib.Variant("(ha{sv})", (0, {})), None, 0, -1, files)
        theirs.close()
        del files
        ours.send(b"\\xFF" * 64)
        while ours.recv(64): pass
        end

        """

    @Test("listen says so, and which one it was, and goes on; with --once it ends with 76")
    func told() async throws {
        let outcome = try await Shell.run(
            Self.peer + """
                start l connect listen x
                /usr/bin/python3 peer.py || exit
                connect to x hello --no-reply
                until grep -q protocol l.err && grep hello l.out; do :; done
                kill $pid; ends $pid; said l; cat l.err
                start o connect listen x --once
                /usr/bin/python3 peer.py || exit; ends $pid; said o; grep -c protocol o.err
                """)
        #expect(outcome.lines.count == 5)
        #expect(outcome.lines.dropFirst(2).first?.hasPrefix("port 1: process ") == true)
        #expect(outcome.lines.suffix(2) == ["76", "1"])
    }
}
