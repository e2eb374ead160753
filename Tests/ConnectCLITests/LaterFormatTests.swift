import ConnectToTesting
import Testing

@Suite(
    "A listener of a later version, whose lines carry an unknown format", .privateBus,
    .timeLimit(.minutes(1)), .withPythonGI)
struct LaterFormatTests {
    private static let listener = """
        cat >later.py <<'end'
        import sys
        from gi.repository import Gio, GLib
        bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        interface = Gio.DBusNodeInfo.new_for_xml('''<node><interface name="org.connectto.Context1">
            <method name="Connect"><arg direction="in" type="h"/><arg direction="in" type="a{sv}"/>
            <arg direction="out" type="a{sv}"/></method>
            <property name="Name" type="ay" access="read"/><property name="Format" type="s" access="read"/>
            <property name="Metadata" type="a{ss}" access="read"/></interface></node>''').interfaces[0]
        properties = {"Name": GLib.Variant("ay", b"x"), "Format": GLib.Variant("s", "sheets"),
                      "Metadata": GLib.Variant("a{ss}", {})}
        def called(*call):
            call[6].return_dbus_error("org.connectto.Error.Refused", "lines to it carry sheets")
        bus.register_object("/org/connectto/Context/x", interface, called, lambda *call: properties[call[4]], None)
        bus.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
                      GLib.Variant("(su)", ("org.connectto.Context.x", 4)), None, 0, 5000)
        print("listening as x", file=sys.stderr, flush=True)
        GLib.MainLoop().run()
        end
        start l /usr/bin/python3 later.py

        """

    @Test("connect info and doctor show an unknown line format by its word, and a refused call names it")
    func unknownFormatIsShownAsItsWord() async throws {
        let outcome = try await Shell.run(
            Self.listener + """
                connect info x | grep ^format; connect info x --json | grep -o '"format":[^,]*'
                connect doctor x | tail -2 | cut -c-200
                connect to x hello; echo $?
                connect to x --raw </dev/null; echo $?
                kill $pid
                """)
        #expect(outcome.lines.prefix(2) == ["format      sheets", #""format":"sheets""#])
        #expect(outcome.lines.contains { $0.hasSuffix("which answers; lines to it carry sheets") })
        #expect(outcome.lines.contains { $0.hasSuffix("call it with a program that speaks sheets") })
        #expect(outcome.lines.suffix(2) == ["77", "77"])
        #expect(outcome.errors.contains("lines to it carry sheets"))
        #expect(!outcome.errors.contains("--raw"))
    }
}
