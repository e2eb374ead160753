#!/usr/bin/python3
"""A peer of calls, written from dbus/CALLS.md alone; a number in a comment is a section of it. What is below the
calls is frames.py (frames, transfer) and peer.py (D-Bus, which lines on pairs made by hand do not need).

    calls.py serve NAME                                        answers the requests at the end of this file
    calls.py ask [OPTION…] NAME [TYPE [TEXT [FILE…]]]          asks, and prints what is answered, files and all
    calls.py post [--json] NAME TYPE [TEXT [FILE…]]            tells an event

    --json: TEXT is JSON    --many: ask for many answers    --take N: leave after N of them    --within SECONDS: 5

A program of its own imports it:

    async with Calls(peer.connect(bus, "shop", "calls"), handlers) as shop:
        answer = await shop.request("price", {"item": "tea"}, within=5)
        print(answer.value)"""
import argparse, asyncio, contextlib, contextvars, dataclasses, enum, inspect, json, math, os, socket, struct, sys
import threading
from concurrent.futures import ThreadPoolExecutor
import frames
from frames import BYTES, CLOSE, FILE, FINISH, PORT, expect

HEAD = struct.Struct("<BBBBIQ")  # 2: operation, body, flags, name size, number, id
Operation = enum.IntEnum("Operation", "HELLO REQUEST ELEMENT RESULT FAILURE CANCEL GRANT EVENT LANE REST")
HELLO, REQUEST, ELEMENT, RESULT, FAILURE, CANCEL, GRANT, EVENT, LANE, REST = Operation
FIELDS = {  # 3: the flags, and whether there may be a number, an id, a name, a body, things transferred
    HELLO: (0x7F, 1, 1, 1, 0, 0), REQUEST: (1, 1, 1, 1, 1, 1), ELEMENT: (0, 0, 1, 0, 1, 1),
    RESULT: (1, 0, 1, 0, 1, 1), FAILURE: (1, 1, 1, 1, 1, 1), CANCEL: (0, 0, 1, 0, 0, 0),
    GRANT: (3, 1, 1, 0, 0, 0), EVENT: (0, 0, 0, 1, 1, 1), LANE: (0, 0, 0, 0, 0, 1),
    REST: (3, 0, 0, 0, 0, 0)}
VERSION, MANY, KEPT, PLACES, WINDOW, ELEMENTS, AGREED, OVER = 1, 1, 1, 1, 2, 3, 1, 2  # values of the flags
LONGEST, LEAST_WINDOW, STREAM_WINDOW, WAITING = 64 << 20, 65536, 16, 1024

class Failure(Exception):  # 8
    def __init__(self, code, text="", details=None):
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.details = code, text, Body.of(details)

class LineEnded(Exception): pass  # the reason is its text

@dataclasses.dataclass
class Body:  # 2: one of four kinds; a thing that is no file is None in `files`, so that the numbers are right
    kind: int = 0
    data: bytes = b""
    files: list = ()

    @staticmethod
    def of(value, files=()):  # nothing, bytes, text, and JSON of all else
        if isinstance(value, Body): return value
        if value is None: return Body(0, b"", files)
        if isinstance(value, bytes): return Body(1, value, files)
        if isinstance(value, str): return Body(2, value.encode(), files)
        return Body(3, json.dumps(value).encode(), files)

    @property
    def value(self):
        try: return (lambda: None, lambda: self.data, self.data.decode, lambda: json.loads(self.data))[self.kind]()
        except (ValueError, RecursionError) as error: raise Failure("invalid-payload", str(error))

    def close(self):
        for file in self.files:
            if file is not None: os.close(file)
        self.files = ()

@dataclasses.dataclass
class Envelope:  # 2
    operation: Operation
    flags: int = 0
    number: int = 0
    id: int = 0
    name: str = ""
    body: Body = dataclasses.field(default_factory=Body)
    text: str = ""
    things: int = 0

    def encode(self):
        name, text = self.name.encode(), self.text.encode()
        if len(name) > 255: raise ValueError("a type and a code have at most 255 bytes")
        number = len(text) if self.operation == FAILURE else self.number
        head = HEAD.pack(self.operation, self.body.kind, self.flags, len(name), number, self.id)
        return head + name + text + self.body.data

    @property
    def cost(self):  # 5
        return len(self.encode()) + 4096 * self.things

    @staticmethod
    def decode(message, things):  # 2, 3, 12
        expect(len(message) >= 16, "a message of less than 16 bytes")
        operation, kind, flags, size, number, id = HEAD.unpack_from(message)
        operation = Operation(operation)
        flag, numbered, addressed, named, says, transfers = FIELDS[operation]
        data = 16 + size + (number if operation == FAILURE else 0)
        name, text = message[16:16 + size].decode(), message[16 + size:data].decode()
        expect(len(message) >= data, "a message shorter than its name and text")
        expect(kind <= 3 and (kind > 0 or len(message) == data), "a body of an unknown kind, or where none is")
        expect(not flags & ~flag, f"flags {flags} of {operation.name}")
        expect(numbered or not number, f"a number in {operation.name}")
        expect(addressed or not id, f"an id in {operation.name}")
        expect(id or not addressed or operation == GRANT, f"no id in {operation.name}")
        expect(named or not name, f"a name in {operation.name}")
        expect(says or not kind, f"a body of {operation.name}")
        expect(transfers or not things, f"things transferred with {operation.name}")
        expect(name or operation not in (FAILURE, EVENT), f"{operation.name} without a name")
        expect(name or operation != REQUEST or not (kind or flags or things), "a barrier with a body")
        expect(operation != LANE or [kind for kind, _ in things] == [PORT], "a lane without exactly one port")
        return Envelope(operation, flags, number, id, name,
                        Body(kind, message[data:], [file for _, file in things]), text, len(things))

class Asked:  # the caller's side of a request
    def __init__(self, many):
        self.id, self.many, self.window = None, many, STREAM_WINDOW
        self.has_given_up, self.answers = False, asyncio.Queue()

class Call:  # the callee's side of a request, and an event: what a handler gets
    def __init__(self, line, envelope):
        self.line, self.type, self.id, self.body = line, envelope.name, envelope.id, envelope.body
        self.beginning = line.beginnings
        self.many, self.cost = envelope.flags & MANY, envelope.cost
        self.limit = asyncio.get_running_loop().time() + envelope.number / 1000 if envelope.number else None
        self.window, self.granted, self.place_kept = STREAM_WINDOW, asyncio.Event(), False

    async def work(self, handler):  # returns the result's body
        if not inspect.isasyncgenfunction(handler): return Body.of(await handler(self))
        if not self.many: raise Failure("many-answers", f"{self.type} answers with a stream")
        async with contextlib.aclosing(handler(self)) as elements:
            async for element in elements:  # 7
                while self.window == 0:
                    self.granted.clear()
                    await self.granted.wait()
                self.window -= 1
                await asyncio.shield(self.line.send(Envelope(ELEMENT, id=self.id, body=Body.of(element))))
        return Body()

current = contextvars.ContextVar("the call that a handler works for", default=None)

class Calls:
    """One end of a line of calls. `handlers` has for each type an `async def` that returns the answer, or one that
    yields many; both get a Call. `places` and `window` are for the other side's requests (4)."""

    def __init__(self, end, handlers, places=16, window=1 << 20):
        self.line, self.handlers, self.threads = frames.Line(end), handlers, ThreadPoolExecutor(2)
        self.offer, self.reason, self.lane, self.tasks, self.beginnings = (places, window), None, False, set(), 0
        self.outgoing, self.turn, self.granted = asyncio.Queue(), asyncio.Lock(), asyncio.Event()
        self.begin()

    def begin(self):  # 4, and 10: a line whose other end has been handed over begins anew
        self.greeted, self.resting, self.beginnings = False, False, self.beginnings + 1
        # As a caller: what the other side lets us send, and what it has not answered.
        self.places, self.window, self.last, self.asked = 1, LEAST_WINDOW, 0, {}
        # As a callee: what is left to the other side, what it has not been given back, and what is served.
        (self.free_places, self.free_window), self.owed, self.highest, self.serving = self.offer, 0, 0, {}
        self.send(Envelope(HELLO, VERSION, *self.offer))

    # The line: one task writes, one reads. The calls of frames.py block, so each has a thread.

    async def __aenter__(self):
        self.running = asyncio.create_task(self.run())
        return self

    async def __aexit__(self, *_):
        try:
            if not self.reason: await asyncio.wait_for(self.outgoing.join(), 5)
            if not self.reason:
                self.reason = "closed"
                await self.in_thread(self.line.close)
        except TimeoutError: pass  # the other side reads nothing: no close, then
        self.line.hang_up()
        await self.running

    def in_thread(self, *call): return asyncio.get_running_loop().run_in_executor(self.threads, *call)

    async def run(self):  # returns why the line is over
        writing = asyncio.create_task(self.write())
        try:
            while (frame := await self.in_thread(self.line.receive))[0] not in (FINISH, CLOSE): self.take(*frame)
            reason = "closed"
            if frame[0] == FINISH: await self.in_thread(self.line.close)
        except (ValueError, struct.error) as rule: reason = f"protocol error: {rule}"
        except (EOFError, OSError): reason = "peer exited"
        self.reason = self.reason or reason  # 12
        writing.cancel()
        self.line.hang_up()
        self.threads.shutdown(wait=False)
        while not self.outgoing.empty(): self.has_sent(*self.outgoing.get_nowait())
        for asked in self.asked.values(): asked.answers.put_nowait(LineEnded(self.reason))
        for task in self.tasks: task.cancel()
        self.granted.set()
        return self.reason

    def send(self, envelope, counts=lambda: None):
        """Puts a message behind the others; returns a future of when it is written, or the line is over. `counts` is
        called when it begins to be written: before that the other side cannot know what it is given, and one that
        reads nothing is given nothing, so that what waits for it is bounded."""
        written, message = asyncio.get_running_loop().create_future(), envelope.encode()
        if len(message) > LONGEST - 8 * len(envelope.body.files): raise ValueError("a message has at most 64 MiB")
        files = [os.dup(file) for file in envelope.body.files if file is not None]
        self.outgoing.put_nowait((message, files, counts, written))
        if self.reason: self.has_sent(*self.outgoing.get_nowait())
        return written

    def has_sent(self, _, files, counts, written):
        for file in files: os.close(file)
        if not written.done(): written.set_result(None)
        self.outgoing.task_done()

    async def write(self):
        while True:
            message, files, counts, written = await self.outgoing.get()
            counts()
            try: await asyncio.shield(self.in_thread(self.line.send, BYTES, message, files))
            except OSError: self.line.end.shutdown(socket.SHUT_RDWR)
            finally: self.has_sent(message, files, counts, written)

    # What arrives. Nothing here waits (5): what takes time has a task.

    def take(self, kind, message, things):
        body = Body(files=[file for _, file in things])
        try:
            expect(kind == BYTES, "a message of another kind than bytes")
            envelope = Envelope.decode(message, things)
            if envelope.operation == HELLO and self.resting and not self.asked and not self.serving: self.begin()
            if not self.greeted and envelope.operation in (CANCEL, GRANT, REST): return  # to a former owner (10)
            expect(self.greeted == (envelope.operation != HELLO), "hello is the first message, and comes once")
            body = envelope.body
            getattr(self, "take_" + envelope.operation.name.lower())(envelope)
        except ValueError:
            body.close()
            raise

    def take_hello(self, hello):  # 4
        expect(hello.flags > 0 and hello.number > 0 and hello.id >= LEAST_WINDOW, "hello with less than it may offer")
        self.greeted = True
        self.has_been_granted(hello.number - 1, hello.id - LEAST_WINDOW)

    def take_request(self, request):  # 5, 6
        expect(request.id > self.highest, "an id that is not above all before it")
        expect(self.free_places > 0, "a request without a place")
        self.highest, self.free_places = request.id, self.free_places - 1
        call = self.serving[request.id] = self.receive(request)
        # A task begins in its turn, so handlers start in order, and a barrier is answered behind them.
        call.task = self.start(self.answer(call))

    def take_event(self, event):
        call = self.receive(event)
        if event.name in self.handlers: self.start(self.handle(call))
        else:
            print(f"an event of the unknown type {event.name}", file=sys.stderr)
            self.drop(call)

    def take_element(self, element):  # 7
        asked = self.asked.get(element.id)
        expect(asked and asked.many and asked.window > 0, "an element that is not waited for")
        asked.window -= 1
        self.deliver(asked, element)

    def take_result(self, answer):
        expect(answer.id in self.asked, "an answer to a request that does not wait for one")
        self.deliver(self.asked.pop(answer.id), answer)
        if not answer.flags & KEPT: self.has_been_granted(1, 0)

    take_failure = take_result

    def take_cancel(self, cancel):
        expect(cancel.id <= self.highest, "a cancel for a request that has not come")
        if call := self.serving.get(cancel.id): call.task.cancel()

    def take_grant(self, grant):
        expect(grant.flags and grant.number, "a grant of nothing")
        if grant.flags == ELEMENTS:
            expect(0 < grant.id <= self.highest, "a grant for a stream that has not come")
            if call := self.serving.get(grant.id):
                call.window += grant.number
                expect(call.many and call.window < 1 << 31, "a grant for no stream, or of too many elements")
                call.granted.set()
        else:
            expect(grant.id == 0, "an id in a grant")
            self.has_been_granted(*(grant.number, 0) if grant.flags == PLACES else (0, grant.number))

    def take_lane(self, _):  # 9: frames.py has closed the port, for which there is no use
        expect(not self.lane, "a second lane")
        self.lane = True

    def take_rest(self, rest):  # 10
        expect(rest.flags == (OVER if self.resting else 0), "a rest that agrees to nothing, ends none, or comes twice")
        self.resting = rest.flags != OVER
        if self.resting: self.send(Envelope(REST, AGREED))
        self.granted.set()

    def has_been_granted(self, places, window):
        self.places, self.window = self.places + places, self.window + window
        expect(self.places + len(self.asked) < 1 << 31 and self.window < 1 << 63, "grants of too much")
        self.granted.set()

    def deliver(self, asked, answer):
        if asked.has_given_up: answer.body.close()
        else: asked.answers.put_nowait(answer)

    # The callee.

    def receive(self, envelope):
        expect(self.free_window > 0, "a message without a window")
        self.free_window -= envelope.cost
        return Call(self, envelope)

    def start(self, work):
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def handle(self, call):  # an event
        current.set(call)
        try: await call.work(self.handlers[call.type])
        except Exception as error: print(f"the event {call.type}: {error!r}", file=sys.stderr)
        finally: self.drop(call)

    async def answer(self, call):
        current.set(call)
        try:
            async with asyncio.timeout_at(call.limit) as time:
                if call.type and call.type not in self.handlers: raise Failure("unknown-type", call.type)
                body = await call.work(self.handlers[call.type]) if call.type else Body()
                answer = Envelope(RESULT, body=body)
        except Failure as failure:
            answer = Envelope(FAILURE, name=failure.code, text=failure.text, body=failure.details)
        except asyncio.CancelledError: answer = Envelope(FAILURE, name="cancelled", text="the caller gave up")
        except Exception as error:
            code = "deadline" if time.expired() else "handler-failed"
            answer = Envelope(FAILURE, name=code, text=repr(error))
        answer.id, answer.flags = call.id, KEPT if call.place_kept else 0
        del self.serving[call.id]
        counts = (lambda: None) if call.place_kept else self.give_place
        try: self.send(answer, counts)
        except (ValueError, OSError) as error:  # one answer there is, whatever the handler has made of it
            text = f"the answer cannot be sent: {error}"
            self.send(Envelope(FAILURE, answer.flags, id=call.id, name="handler-failed", text=text), counts)
        self.drop(call)

    def give_place(self): self.free_places += 1

    def drop(self, call):  # gives the window back
        call.body.close()
        if call.beginning == self.beginnings: self.owed += call.cost
        if self.owed >= self.offer[1] // 4:
            given, self.owed = self.owed, 0
            def counts(): self.free_window += given
            self.send(Envelope(GRANT, WINDOW, given), counts)

    def will_wait(self, call):  # 5: a handler that asks holds no place meanwhile
        if call.place_kept or call.id == 0 or sum(call.place_kept for call in self.serving.values()) >= WAITING: return
        call.place_kept = True
        self.send(Envelope(GRANT, PLACES, 1), self.give_place)

    # The caller.

    async def post(self, type, value=None, files=()):
        """Tells an event; returns when it is written."""
        await self.send_in_order(Envelope(EVENT, name=type, body=Body.of(value, files)))

    async def request(self, type, value=None, files=(), within=None):
        """Asks, and returns the answer's Body, whose files are the caller's to close. Raises Failure, LineEnded, and
        TimeoutError after so many seconds. To cancel the task cancels the request."""
        answer = Body()
        async with contextlib.aclosing(self.stream(type, value, files, within, many=False)) as answers:
            async for answer in answers: pass
        return answer

    async def barrier(self, within=None):
        """Returns when the handlers of all that was sent before have started."""
        await self.request("", within=within)

    async def stream(self, type, value=None, files=(), within=None, many=True):
        """Asks, and yields the Body of each answer. Leave it by `aclosing`, which cancels the request."""
        asked, limit, taken = Asked(many), asyncio.get_running_loop().time() + within if within else None, 0
        if call := current.get():
            call.line.will_wait(call)
            limit = min((time for time in (limit, call.limit) if time), default=None)
        request = Envelope(REQUEST, MANY if many else 0, name=type, body=Body.of(value, files))
        try:
            async with asyncio.timeout_at(limit): await self.send_in_order(request, asked, limit)
            while True:
                async with asyncio.timeout_at(limit): answer = await asked.answers.get()
                if isinstance(answer, Exception): raise answer
                if answer.operation == FAILURE: raise Failure(answer.name, answer.text, answer.body)
                if answer.operation == ELEMENT or answer.body.kind or not many: yield answer.body
                else: answer.body.close()
                if answer.operation == RESULT: return
                taken += 1
                if taken == STREAM_WINDOW // 2 and asked.id in self.asked:
                    asked.window, taken = asked.window + taken, 0
                    self.send(Envelope(GRANT, ELEMENTS, STREAM_WINDOW // 2, asked.id))
        finally:
            asked.has_given_up = True
            if asked.id in self.asked: self.send(Envelope(CANCEL, id=asked.id))
            while not asked.answers.empty():
                if isinstance(answer := asked.answers.get_nowait(), Envelope): answer.body.close()

    async def send_in_order(self, envelope, asked=None, limit=None):  # 5
        envelope.things = len(envelope.body.files)
        async with self.turn:
            while not self.reason and (self.resting or self.window <= 0 or asked and self.places == 0):
                self.granted.clear()
                await self.granted.wait()
            if self.reason: raise LineEnded(self.reason)
            if limit:
                left = limit - asyncio.get_running_loop().time()
                if left <= 0: raise TimeoutError
                envelope.number = min(math.ceil(left * 1000), 2**32 - 1)
            self.window -= envelope.cost
            if asked:
                self.places, self.last = self.places - 1, self.last + 1
                envelope.id = asked.id = self.last
                self.asked[asked.id] = asked
            await asyncio.shield(self.send(envelope))

# What `calls.py serve` answers, and `calls.py ask` too, while it waits.

async def echo(call): return call.body

async def count(call):
    for number in range(1, call.body.value + 1): yield number

async def fail(call): raise Failure("com.example.no-disk", "there is no disk", {"disk": call.body.value})

async def wait(_):
    try: await asyncio.Event().wait()
    finally: print("no longer waiting", flush=True)

async def ask_back(call): return await call.line.request("echo", call.body)

async def note(call): print(call.body.value, flush=True)

examples = {"echo": echo, "count": count, "fail": fail, "wait": wait, "ask-back": ask_back, "note": note}

def serve(bus, name, handlers=examples, **offers):
    """Registers the name, and serves each caller, for as long as the process lives."""
    import peer
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    async def talk(end):
        async with Calls(end, handlers, **offers) as calls: reason = await calls.running
        if reason != "closed": print(reason, file=sys.stderr, flush=True)
    peer.listen(bus, name, lambda end: asyncio.run_coroutine_threadsafe(talk(end), loop), "calls")

async def use(end, options):
    files = [os.open(path, os.O_RDONLY) for path in options.files]
    asked = options.type, json.loads(options.text) if options.json else options.text, files
    async with Calls(end, examples) as calls:
        if options.part == "post": return await calls.post(*asked)
        answers = calls.stream(*asked, options.within, options.many)
        async with contextlib.aclosing(answers):
            async for body in answers:
                frames.show(body.data, [(FILE, file) for file in body.files])
                options.take -= 1
                if options.take == 0: break

def main():
    import peer
    from gi.repository import Gio
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("part", choices=("serve", "ask", "post"))
    for option in ("--json", "--many"): parser.add_argument(option, action="store_true")
    parser.add_argument("--within", type=float, default=5)
    parser.add_argument("--take", type=int, default=-1)
    parser.add_argument("name")
    parser.add_argument("type", nargs="?", default="")
    parser.add_argument("text", nargs="?")
    parser.add_argument("files", nargs="*")
    options, bus = parser.parse_args(), Gio.bus_get_sync(Gio.BusType.SESSION)
    if options.part == "serve": return serve(bus, options.name)
    try: asyncio.run(use(peer.connect(bus, options.name, "calls"), options))
    except Failure as failure: sys.exit(f"{failure} {failure.details.data.decode(errors='replace')}".rstrip())
    except LineEnded as end: sys.exit(f"{options.name}: {end}")
    except TimeoutError: sys.exit(f"{options.name}: no answer within {options.within:g} s")

if __name__ == "__main__": main()
