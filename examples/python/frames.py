"""The line of version 1, frames and transfer, written from part two of dbus/PROTOCOL.md alone; a number in a comment is
a section of it. It needs nothing but Python."""
import array, io, os, shutil, socket, struct, sys

BYTES, TEXT, JSON, FINISH, CLOSE = 1, 2, 3, 16, 17  # kinds of frames, and how long they may be (5)
LENGTHS = {FINISH: [0], CLOSE: [8], **dict.fromkeys((BYTES, TEXT, JSON), range((64 << 20) + 1))}
FILE, PORT, ITEMS = 1, 4, {1: "<", 2: "<Q", 3: "<Q", 4: "<BQQIHIH"}  # what is transferred (9)

def expect(condition, rule):
    if not condition: raise ValueError(rule)

def unpack(payload, descriptors):  # 9: the message behind the table, and its things: a kind and, of a file, the
    # descriptor; all other descriptors are closed
    stream, owners, things = io.BytesIO(payload), [], []
    def take(form): return struct.unpack(form, stream.read(struct.calcsize(form)))
    size, count = take("<II")
    for _ in range(count):
        kind, = take("<B")
        expect(kind in ITEMS, "an unknown item")
        fields, used = take(ITEMS[kind]), 1
        if kind == PORT:
            flags, _, _, received, inside, segments, extension = fields
            expect(flags <= 7, "unknown flags of a port")
            take(f"{extension + received}x")
            used = inside + (not flags & 2)  # one that is over has no socket
            for _ in range(segments):
                length, inside = take("<IH")
                expect(length > 0 and take(f"{length}x") == (), "a segment of no bytes")
                used += inside
        things.append([kind, None])
        owners += [things[-1]] * min(used, 254)
    expect(count <= 253 and stream.tell() == 4 + size and len(owners) == len(descriptors), "a wrong table")
    for thing, descriptor in zip(owners, descriptors):
        if thing[0] == FILE: thing[1] = descriptor
        else: os.close(descriptor)
    return stream.read(), things

class Line:  # one end of a line; one thread may read while another one sends
    def __init__(self, end):
        self.end, self.descriptors, self.posted, self.taken = end, array.array("i"), 0, 0

    def send(self, kind, payload=b"", files=()):  # 5
        table = struct.pack("<II", 4 + len(files), len(files)) + bytes([FILE]) * len(files) if files else b""
        head = struct.pack("<IBBH", len(table + payload), kind, 1 if files else 0, len(files))
        if kind <= JSON: self.posted += 1
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
        try: self.end.sendall((head + table + payload)[self.end.sendmsg([head, table, payload], rights):])
        except (BrokenPipeError, ConnectionResetError, TimeoutError): pass  # reading tells the end (8)

    def read(self, count):  # exactly so much: the descriptors that come with a header are its own (9)
        data = bytearray()
        while len(data) < count:
            size = min(count - len(data), 1 << 20)
            part, control, flags, _ = self.end.recvmsg(size, 1032, socket.MSG_CMSG_CLOEXEC)
            rights = [body for _, kind, body in control if kind == socket.SCM_RIGHTS]
            self.descriptors.frombytes(b"".join(rights))
            expect(control[len(rights):] == [] and not flags & socket.MSG_CTRUNC, "other or cut control data")
            if not part: raise EOFError
            data += part
        return bytes(data)

    def close(self):  # 7: takes 5 s at the most
        self.end.settimeout(5)
        self.send(CLOSE, struct.pack("<Q", self.taken))
        self.end.settimeout(None)

    def receive(self):  # 6: the next frame: its kind, what it says, and the things that came with it
        length, kind, flags, count = struct.unpack("<IBBH", self.read(8))
        expect(length in LENGTHS.get(kind, ()), "an unknown kind, or a length that it cannot have")
        expect(flags <= (kind <= JSON) and count <= 253 * flags, "unknown flags, or too many descriptors")
        expect(len(self.descriptors) == count, "descriptors that are not as declared")
        payload = self.read(length)
        expect(len(self.descriptors) == count, "descriptors that no frame declares")
        if kind == CLOSE: expect(struct.unpack("<Q", payload)[0] <= self.posted, "the number in close")
        if kind > JSON: return kind, payload, []
        message, things = unpack(payload, self.descriptors) if flags else (payload, [])
        self.descriptors, self.taken = array.array("i"), self.taken + 1
        return kind, message, things

    def talk(self, text=None, *paths):  # returns why the line is over
        # A message of some KiB and finish, then it reads: so little does not fill the line (11).
        files = [os.open(path, os.O_RDONLY) for path in paths]
        if text is not None: self.send(TEXT, text.encode(), files)
        for file in files: os.close(file)
        self.send(FINISH)
        try:
            while (frame := self.receive())[0] != CLOSE:
                if frame[0] == FINISH: self.close()  # 7: both have finished, and all is taken here
                else: show(*frame[1:])
            return "closed"
        except (ValueError, struct.error) as rule: return f"protocol error: {rule}"
        except (EOFError, ConnectionResetError): return "peer exited"
        finally: self.hang_up()

    def hang_up(self):
        for descriptor in self.descriptors: os.close(descriptor)
        self.descriptors = array.array("i")
        try: self.end.shutdown(socket.SHUT_RDWR)
        except OSError: pass  # the other side has done so

def show(text, things):
    sys.stdout.buffer.write(text + b"\n")
    for _, file in things:
        if file is not None:
            with open(file, "rb") as contents: shutil.copyfileobj(contents, sys.stdout.buffer)
    sys.stdout.flush()
