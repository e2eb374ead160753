import ConnectToTesting

/// A bus that stops in the middle: a socket in front of the test's own bus, which passes everything on until a caller
/// calls a certain method; from then on nothing, over no connection.
enum StallingBus {
    /// A script that goes on with the bus's address in `$stalling`, and can end it by `$relay`.
    static func before(_ method: String, _ script: String) throws -> String {
        let socket = try PrivateBus.current.address.dropFirst("unix:path=".count)
        return """
            cat >relay.py <<'END'
            \(program)
            END
            start relay python3 relay.py \(method) '\(socket)'; relay=$pid
            stalling="unix:path=$PWD/relay"

            """ + script + "\nkill $relay\n"
    }

    private static let program = """
        import os, select, socket, sys
        method, bus = sys.argv[1].encode(), sys.argv[2]
        listening = socket.socket(socket.AF_UNIX)
        listening.bind("relay")
        listening.listen()
        os.write(2, b"listening\\n")
        others, callers = {}, set()
        while True:
            for ready in select.select([listening, *others], [], [])[0]:
                if ready is listening:
                    caller, there = listening.accept()[0], socket.socket(socket.AF_UNIX)
                    there.connect(bus)
                    others[caller], others[there] = there, caller
                    callers.add(caller)
                    continue
                data, descriptors, _, _ = socket.recv_fds(ready, 1 << 16, 253)
                if ready in callers and method in data:
                    select.select([], [], [])
                other = others.pop(ready) if not data else others[ready]
                if data:
                    socket.send_fds(other, [data], descriptors)
                else:
                    others.pop(other, None)
                    ready.close(); other.close()
                for descriptor in descriptors: os.close(descriptor)
        """
}
