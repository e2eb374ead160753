"""Installs what is missing of the peers (Debian), and builds all programs."""

import os
import shlex
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOP = os.path.dirname(ROOT)
SCRATCH = os.environ.get("BENCH_SCRATCH", os.path.join(TOP, ".build-bench"))
BIN = os.path.join(SCRATCH, "peers")

#: Debian's package, and what is there when it is installed: a command, or a header that the compiler finds.
PACKAGES = {
    "gcc": "gcc", "pkg-config": "pkg-config", "dbus-daemon": "dbus-daemon", "dbus-bin": "dbus-send",
    "libdbus-1-dev": None, "libsystemd-dev": "systemd/sd-bus.h", "libglib2.0-dev": None,
    "libglib2.0-bin": "gdbus", "libzmq3-dev": "zmq.h", "libnng-dev": "nng/nng.h", "systemd": "busctl",
    "socat": "socat",
}
PKG_CONFIG = {"libdbus-1-dev": "dbus-1", "libglib2.0-dev": "gio-2.0"}

#: Programs in C, with what they are linked to.
LIMITS = ["roundtrip", "oneway", "bulk", "broadcast"]
PEERS = {
    "sdbus": "pkg-config --cflags --libs libsystemd", "gdbus": "pkg-config --cflags --libs gio-2.0",
    "libdbus": "pkg-config --cflags --libs dbus-1", "zeromq": "echo -lzmq", "nng": "echo -lnng",
}


def succeeds(command, **more):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.run(command, **quiet, **more).returncode == 0


def is_there(package, evidence):
    if package in PKG_CONFIG:
        return succeeds(["pkg-config", "--exists", PKG_CONFIG[package]])
    if evidence.endswith(".h"):
        return succeeds(["gcc", "-E", "-x", "c", "-"], input=f"#include <{evidence}>\n".encode())
    return shutil.which(evidence) is not None


def install(packages=PACKAGES):
    missing = [package for package, evidence in packages.items() if not is_there(package, evidence)]
    if not missing:
        return
    if not shutil.which("apt-get"):
        return warn(f"missing (by Debian's names): {' '.join(missing)}; measuring without")
    root = [] if os.geteuid() == 0 else ["sudo"]
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    print("Installing", *missing)
    subprocess.run([*root, "apt-get", "update", "-qq"])
    done = subprocess.run(
        [*root, *environment, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
        stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        warn("not all could be installed; measuring without what is missing")


def warn(text):
    print("Benchmarks:", text, file=sys.stderr)


def build(wanted):
    """Our side has to build; a peer that does not is left out. Each program's command, by its short name. Of those
    that take long to build, only what is wanted."""
    programs = {}
    bench = our_side()
    programs["pool"] = programs["loop"] = programs["spin"] = [bench]
    os.makedirs(BIN, exist_ok=True)
    for name in LIMITS:
        programs[name] = compile_c(os.path.join("C", name), "")
    for name, flags in PEERS.items():
        programs[name] = compile_c(os.path.join("Peers", name), flags)
    if shutil.which("node"):
        programs["channel"] = ["node", os.path.join(ROOT, "Peers", "channel.mjs")]
        programs["fork"] = ["node", os.path.join(ROOT, "Peers", "fork.mjs")]
        programs["threads"] = ["node", os.path.join(ROOT, "Peers", "pools.mjs"), "threads"]
        programs["forks"] = ["node", os.path.join(ROOT, "Peers", "pools.mjs"), "fork"]
    programs["grpc"] = grpc() if "grpc" in wanted else None
    programs["pipe"] = [sys.executable, os.path.join(ROOT, "Peers", "pipe.py")]
    programs["executor"] = [sys.executable, os.path.join(ROOT, "Peers", "pools.py"), "executor"]
    programs["pypool"] = [sys.executable, os.path.join(ROOT, "Peers", "pools.py"), "pool"]
    command = os.environ.get("BENCH_CONNECT", os.path.join(TOP, ".build-release", "release", "connect"))
    if os.path.exists(command):
        programs["connect"] = [command]
    return {name: command for name, command in programs.items() if command}


def our_side():
    # Static: callgrind cannot follow a dynamic one, and starting is not what is measured here.
    done = swift_build(ROOT, SCRATCH, "--static-swift-stdlib", "--product", "Bench")
    if done.returncode != 0:
        sys.exit(done.stdout + "Benchmarks: our side does not build; see above")
    return os.path.join(SCRATCH, "release", "Bench")


def grpc():
    """A package of its own, since it fetches and builds some twenty others."""
    scratch = SCRATCH + "-grpc"
    done = swift_build(os.path.join(ROOT, "GRPC"), scratch)
    if done.returncode == 0:
        return [os.path.join(scratch, "release", "GRPCPeer")]
    warn(f"gRPC for Swift does not build, and is left out: {done.stdout.strip().splitlines()[-1:]}")
    return None


def swift_build(package, scratch, *options):
    swift = shlex.split(os.environ.get("SWIFT", "swift"))
    command = [*swift, "build", "--package-path", package, "--scratch-path", scratch, "-c", "release", *options]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def compile_c(source, flags):
    command = "gcc -O2 -Wall -I Sources/CBench/include Sources/CBench/CBench.c".split()
    output = os.path.join(BIN, os.path.basename(source))
    found = subprocess.run(shlex.split(flags), capture_output=True, text=True) if flags else None
    links = shlex.split(found.stdout) if found else []
    done = subprocess.run(
        [*command, f"{source}.c", "-o", output, *links], cwd=ROOT, capture_output=True, text=True)
    if done.returncode == 0:
        return [output]
    warn(f"{source}.c does not build, and is left out: {done.stderr.strip().splitlines()[:1]}")
    return None
