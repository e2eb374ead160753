"""What the figures were taken on."""

import os
import platform
import re
import shutil
import subprocess


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return None
    output = (done.stdout or done.stderr).strip()
    return output.splitlines()[0] if output else None


def version(*command):
    found = re.search(r"\d+(\.\d+)+", first_line(*command) or "")
    return found.group(0) if found else None


def package(name):
    if not shutil.which("dpkg-query"):
        return None
    return first_line("dpkg-query", "-W", "-f=${Version}", name)


def processor():
    with open("/proc/cpuinfo") as file:
        found = re.search(r"model name\s*: (.*)", file.read())
    return found.group(1) if found else platform.machine()


def describe():
    """Pairs of a word and what it is here; what is not there is left out."""
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) / (1 << 20)
    virtual = "hypervisor" in open("/proc/cpuinfo").read()
    pairs = {
        "processor": f"{processor()}, {len(os.sched_getaffinity(0))} in use{', a virtual machine' if virtual else ''}",
        "memory": f"{memory:.0f} GiB", "load before": "%.2f" % os.getloadavg()[0], "kernel": platform.release(),
        "Swift": version("swift", "--version"), "gcc": version("gcc", "-dumpfullversion"),
        "dbus-daemon": version("dbus-daemon", "--version"), "libdbus": version("pkg-config", "--modversion", "dbus-1"),
        "sd-bus": version("pkg-config", "--modversion", "libsystemd"),
        "GLib": version("pkg-config", "--modversion", "gio-2.0"), "ZeroMQ": package("libzmq5"),
        "nng": package("libnng1"), "Node": version("node", "--version"), "Python": platform.python_version(),
        "socat": package("socat"),
    }
    return {word: what for word, what in pairs.items() if what}
