/// A peer for scripts that does by hand what no program of the library would: `from hostile import *` in Python.
enum HostilePeer {
    static let python = """
        cat >hostile.py <<'end'
        from gi.repository import Gio, GLib
        import fcntl, select, socket, struct, sys, termios
        bus = Gio.bus_get_sync(Gio.BusType.SESSION)

        def call(hello={}):
            "Is introduced to x as the protocol has it; gives its end of the line."
            ours, theirs = socket.socketpair()
            files = Gio.UnixFDList()
            files.append(theirs.fileno())
            bus.call_with_unix_fd_list_sync(
                "org.connectto.Context.x", "/org/connectto/Context/x", "org.connectto.Context1", "Connect",
                GLib.Variant("(ha{sv})", (0, hello)), None, 0, -1, files)
            theirs.close()
            return ours

        def header(length, kind=2):
            return struct.pack("<IBBH", length, kind, 0, 0)

        def taken(line):
            "Waits until the other side has read what was sent (SIOCOUTQ)."
            while struct.unpack("i", fcntl.ioctl(line, termios.TIOCOUTQ, bytes(4)))[0]: pass
        end

        """
}
