import ConnectToTesting
import Testing

@Suite("connect tap", .privateBus, .timeLimit(.minutes(1))) struct TapTests {
    @Test("connect tap shows the messages of a --tappable listener both ways, in order")
    func showsMessagesBothWays() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --tappable --exec cat; listener=$pid
            start t connect tap x; tap=$pid
            start j connect tap x --json
            connect to x one two
            connect to x "$(printf '\\377')" | wc -c
            kill $listener; wait $tap $pid
            cat t.out; grep -v '"two"' j.out
            """)
        #expect(
            outcome.lines.sorted() == [
                "1 < one", "1 < two", "1 > one", "1 > two", "2", "2 < \u{FFFD}", "2 > \u{FFFD}", "one", "two",
                #"{"event":"message","port":1,"direction":"received","text":"one","length":3,"transferred":0,"missed":0}"#,
                #"{"event":"message","port":1,"direction":"sent","text":"one","length":3,"transferred":0,"missed":0}"#,
                #"{"event":"message","port":2,"direction":"received","base64":"/w==","length":1,"transferred":0,"missed":0}"#,
                #"{"event":"message","port":2,"direction":"sent","base64":"/w==","length":1,"transferred":0,"missed":0}"#,
            ])
    }

    @Test("connect tap exits with 77 for a listener without --tappable, and with 68 for a name without an owner")
    func listenerWithoutTappableIs77() async throws {
        let outcome = try await Shell.run(
            "start l connect listen x; connect tap x; echo $?; connect tap y; echo $?; kill $pid")
        #expect(outcome.lines == ["77", "68"])
        #expect(outcome.errors.contains("is not tappable"))
        #expect(outcome.errors.contains("--tappable"))
    }

    @Test("connect tap exits with 0 when the listener ends")
    func endsWithTheListener() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --tappable; listener=$pid
            start t connect tap x; kill $listener; ends $pid
            """)
        #expect(outcome.lines == ["0"])
    }

    @Test("connect tap does not say that the listener has ended when a signal ends tap itself")
    func signalIsNotReportedAsTheListenersEnd() async throws {
        let outcome = try await Shell.run(
            """
            start l connect listen x --tappable; listener=$pid
            start t connect tap x; kill $pid; ends $pid; said t; cat t.err; kill $listener
            """)
        #expect(outcome.lines == ["143"])
    }

    /// A listener that has a name, allows looking on, and sends what is no frame.
    private static let listener = """
        cat >listener.py <<'end'
        from gi.repository import Gio, GLib
        import os, sys
        ends = []
        def call(bus, sender, path, interface, method, arguments, invocation):
            line = invocation.get_message().get_unix_fd_list().get(0)
            invocation.return_value(GLib.Variant("(a{sv})", ({},)))
            os.write(line, b"\\xFF" * 64)
            ends.append(line)
        xml = "<node><interface name='org.connectto.Context1'><method name='Tap'><arg type='h' direction='in'/>" \\
            "<arg type='a{sv}' direction='in'/><arg type='a{sv}' direction='out'/></method></interface></node>"
        bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        bus.register_object("/org/connectto/Context/x", Gio.DBusNodeInfo.new_for_xml(xml).interfaces[0], call)
        bus.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
            GLib.Variant("(su)", ("org.connectto.Context.x", 4)), None, 0, -1)
        print("ready", file=sys.stderr, flush=True)
        GLib.MainLoop().run()
        end

        """

    @Test("connect tap exits with 76 for a listener that breaks the protocol, and says what was broken", .withPythonGI)
    func brokenProtocolIs76() async throws {
        let outcome = try await Shell.run(
            Self.listener + """
                start l /usr/bin/python3 listener.py; [ "$first" = ready ] || exit
                connect tap x; echo $?; kill $pid
                """)
        #expect(outcome.lines == ["76"])
        #expect(outcome.errors.contains("broke the protocol"))
    }
}
