#!/usr/bin/python3
"""A peer of version 1, written from dbus/PROTOCOL.md alone; a number in a comment is a section of it. What is its part
two, the line, is frames.py.

    peer.py listen NAME [TEXT [FILE…]]      takes callers, and tells each TEXT, with the open files
    peer.py connect NAME [TEXT [FILE…]]     calls; both print what they are told, files and all"""
import os, pathlib, re, select, socket, sys, threading
from gi.repository import Gio, GLib
from frames import Line, expect

INTERFACE, ORIGIN, STREAM = "org.connectto.Context1", "org.connectto", [socket.AF_UNIX, socket.SOCK_STREAM]
DAEMON = "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"

def names(name):  # 1: the bus name and the object path
    escaped = re.sub(rb"^[0-9]|[^A-Za-z0-9]", lambda byte: b"_%02x" % ord(byte[0]), name.encode()).decode()
    expect(0 < len(escaped) <= 233, "a name has 1 to 233 bytes when it is escaped")
    return f"{ORIGIN}.Context.{escaped}", f"/{ORIGIN}.Context.{escaped}".replace(".", "/")

def check(options):  # 4: hello or welcome; returns the format that it names
    for key, form in {"version": "u", "features": "as", "metadata": "a{ss}", "format": "s",
                      "context": "s"}.items():
        value = options.lookup_value(key, None)
        expect(value is None or value.get_type_string() == form and value.unpack() != 0, key)
    format = options.lookup_value("format", None)
    return "messages" if format is None else format.unpack()

def listen(bus, name, serve, format="messages"):  # 2 to 4: gives `serve` the end of each caller's line
    bus_name, path = names(name)
    properties = {"Name": GLib.Variant("ay", name.encode()), "Origin": GLib.Variant("s", ORIGIN),
                  "Version": GLib.Variant("u", 1), "Metadata": GLib.Variant("a{ss}", {}),
                  "Format": GLib.Variant("s", format)}
    def ask(*question): return bus.call_sync(*DAEMON, *question, None, 0, 5000).unpack()[0]
    def called(_, sender, path, interface, member, arguments, call):
        if member != "Connect": return call.return_dbus_error("org.freedesktop.DBus.Error.UnknownMethod", member)
        try:
            passed = [socket.socket(*STREAM, 0, n) for n in call.get_message().get_unix_fd_list().steal_fds()]
            wanted = check(arguments.get_child_value(1))
            end = passed[arguments.get_child_value(0).get_handle()]
            kind = [end.getsockopt(socket.SOL_SOCKET, what) for what in (socket.SO_DOMAIN, socket.SO_TYPE)]
            expect(end.getpeername() is not None and kind == STREAM, "the descriptor is not a connected stream socket")
        except (AttributeError, IndexError, OSError, ValueError) as error:
            return call.return_dbus_error("org.freedesktop.DBus.Error.InvalidArgs", str(error))
        try: user = ask("GetConnectionCredentials", GLib.Variant("(s)", (sender,))).get("UnixUserID")
        except GLib.Error: user = None
        if user != os.getuid(): return call.return_dbus_error("org.connectto.Error.Refused", "another user")
        if wanted != format:
            return call.return_dbus_error("org.connectto.Error.Refused", f"lines to it carry {format}")
        serve(end)
        call.return_value(GLib.Variant("(a{sv})", ({"format": GLib.Variant("s", format)},)))
    contract = pathlib.Path(__file__).resolve().parents[2] / "dbus" / f"{INTERFACE}.xml"
    interface = Gio.DBusNodeInfo.new_for_xml(contract.read_text()).lookup_interface(INTERFACE)
    bus.register_object(path, interface, called, lambda *call: properties[call[4]], None)
    if ask("RequestName", GLib.Variant("(su)", (bus_name, 4))) != 1: sys.exit(f"{name} is taken")
    print("listening as", name, file=sys.stderr)
    GLib.MainLoop().run()

def connect(bus, name, format="messages"):  # 4: returns the caller's end of the line
    (bus_name, path), (ours, theirs) = names(name), socket.socketpair()
    line = Gio.UnixFDList.new_from_array([os.dup(theirs.fileno())])
    hello = GLib.Variant("(ha{sv})", (0, {"format": GLib.Variant("s", format)}))
    call = (bus_name, path, INTERFACE, "Connect", hello, GLib.VariantType("(a{sv})"), 0, 5000, line)
    for tries in (1, 2):
        try:
            welcome = bus.call_with_unix_fd_list_sync(*call)[0].get_child_value(0)
            if check(welcome) != format: sys.exit(f"{name}: lines to it carry {check(welcome)}")
        except GLib.Error as error:
            if tries == 1 and re.search("ServiceUnknown|NameHasNoOwner", error.message): continue
            if not select.select([ours], [], [], 0)[0]: sys.exit(f"{name}: {error.message}")
        break
    theirs.close()
    return ours

def main(part, name, *said):
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    if part == "listen":
        return listen(bus, name, lambda end: threading.Thread(target=Line(end).talk, args=said, daemon=True).start())
    reason = Line(connect(bus, name)).talk(*said)
    if reason != "closed": sys.exit(f"{name}: {reason}")

if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("listen", "connect"): sys.exit(__doc__)
    main(*sys.argv[1:])
