"""troubled-files.py DIR COMMAND…: runs a command that sees files in DIR which give trouble, in a mount namespace of
its own. Goes on serving them when the command has ended; whoever was passed one waits for as long.

The names say what the files do. All seem to have 1 MiB, and any name exists:
hangs-…       never gives its content
unsized-…     never tells its attributes once it is open
short-…       ends after 1,000 bytes
unclosable-…  keeps waiting whoever closes it
"""

import ctypes
import os
import struct
import sys

directory, command = sys.argv[1], sys.argv[2:]
libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
(LOOKUP, FORGET, GETATTR, OPEN, READ, RELEASE, FLUSH, INIT, INTERRUPT, BATCH_FORGET) = (
    1, 2, 3, 14, 15, 18, 25, 26, 36, 42)
FUSE_ASYNC_READ, FOPEN_DIRECT_IO, ENOSYS = 1, 1, 38
names = {1: ""}


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def attributes(node):
    mode = 0o40755 if node == 1 else 0o100644
    return struct.pack("<6Q3I7I", node, 1 << 20, 2048, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(operation, node, request):
    """What to answer: bytes, the number of an error, or None for no answer at all."""
    kind = names[node].split("-")[0] if node in names else ""
    if operation == INIT:
        return struct.pack("<4I2H2I2HI7I", 7, 31, 65536, FUSE_ASYNC_READ, 16, 12, 65536, 1, 0, 0, 0, *[0] * 7)
    if operation == LOOKUP:
        node = len(names) + 1
        names[node] = request.split(b"\0")[0].decode()
        return struct.pack("<4Q2I", node, 0, 3600, 0, 0, 0) + attributes(node)
    if operation == GETATTR:
        return None if kind == "unsized" else struct.pack("<Q2I", 0, 0, 0) + attributes(node)
    if operation == OPEN:
        return struct.pack("<Q2I", 0, FOPEN_DIRECT_IO if kind == "short" else 0, 0)
    if operation == READ:
        offset, size = struct.unpack_from("<8xQI", request)
        return (b"x" * 1000)[offset:offset + size] if kind == "short" else None
    if operation == FLUSH and kind == "unclosable":
        return None
    if operation in (RELEASE, FLUSH):
        return b""
    return None if operation in (FORGET, BATCH_FORGET, INTERRUPT) else ENOSYS


check(libc.unshare(CLONE_NEWNS))
check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
fuse = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fuse},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},allow_other"
check(libc.mount(b"fuse", directory.encode(), b"fuse", 0, options.encode()))
if os.fork() == 0:
    os.close(fuse)
    os.execvp(command[0], command)
while True:
    request = os.read(fuse, 1 << 18)
    _, operation, number, node = struct.unpack_from("<2I2Q", request)
    reply = answer(operation, node, request[40:])
    if reply is None:
        continue
    error, body = (reply, b"") if isinstance(reply, int) else (0, reply)
    os.write(fuse, struct.pack("<IiQ", 16 + len(body), -error, number) + body)
