"""Cold start: how long one-shot commands take, from being started to having ended."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections import defaultdict

from . import runner


def commands(programs, bus, listener, accepting):
    """Each asks one thing of the process that is the listener, or, socat, says one thing to a socket."""
    name = f"bench-{listener}"
    bus_name = f"org.connectto.Context.bench_2d{listener}"
    path = "/" + bus_name.replace(".", "/")
    interface, property = "org.connectto.Context1", "Version"
    get = "org.freedesktop.DBus.Properties"
    found = {
        "true (starting a process at all)": ["true"],
        "dbus-send": [
            "dbus-send", f"--bus={bus.address}", "--print-reply", f"--dest={bus_name}", path, f"{get}.Get",
            f"string:{interface}", f"string:{property}"],
        "gdbus": [
            "gdbus", "call", "--address", bus.address, "--dest", bus_name, "--object-path", path, "--method",
            f"{get}.Get", interface, property],
        "busctl": [
            "busctl", f"--address={bus.address}", "call", bus_name, path, get, "Get", "ss", interface, property],
        "socat": ["socat", "-u", "/dev/null", f"UNIX-CONNECT:{accepting}"],
    }
    if "connect" in programs:
        found["connect to NAME x"] = [*programs["connect"], "to", name, "x", "--bus", bus.address]
    return {title: command for title, command in found.items() if shutil.which(command[0])}


def accept_all(server):
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


def milliseconds(command):
    begin = time.perf_counter_ns()
    quiet = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in (0, 1, 2)]
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
    _, status = os.waitpid(pid, 0)
    taken = (time.perf_counter_ns() - begin) / 1e6
    return taken if status == 0 else None


def measure(programs, bus, pace):
    """Milliseconds of many runs, by command; interleaved."""
    times = defaultdict(list)
    path = os.path.join(bus.directory, "socat")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(64)
    threading.Thread(target=accept_all, args=(server,), daemon=True).start()
    env = runner.environment("unpinned", bus, "loop")
    listener = subprocess.Popen([*programs["pool"], "serve", str(os.getpid()), "0"], env=env, stdout=subprocess.PIPE)
    try:
        listener.stdout.readline()
        runner.show("Cold start")
        chosen = commands(programs, bus, os.getpid(), path)
        for _ in range(10 if pace.quick else 20 * pace.repetitions):
            for title, command in chosen.items():
                taken = milliseconds(command)
                if taken is not None:
                    times[title].append(taken)
        return {title: sorted(values) for title, values in times.items()}
    finally:
        listener.kill()
        listener.wait()
        server.close()
