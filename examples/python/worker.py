#!/usr/bin/python3
"""A worker, written from section 14 of dbus/CALLS.md alone. It needs nothing but Python 3.11.

    worker.py           is started by a pool; its tasks are at the end of this file

A program of its own imports it:

    import worker
    def square(call): return call.body.value ** 2
    worker.work({"square": square})

Handlers are what `Calls` takes, and functions that compute: each call of a plain `def` has a thread of its own. Where
the caller gives up meanwhile, `call.is_cancelled` is true."""
import asyncio, inspect, os, re, select, signal, socket, stat, sys, threading, time
import calls
from calls import Body, Calls, Failure

def work(handlers, grace=1.0, **offers):
    """Does what comes on descriptor 0, and ends with the line: with this process, and all that it has started."""
    line = take_line()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C means the parent, which then ends the line
    signal.signal(signal.SIGTERM, lambda *_: line.shutdown(socket.SHUT_RDWR))
    threading.Thread(target=end_with, args=(line, grace), daemon=True).start()
    try: asyncio.run(serve(line, {type: task(handler) for type, handler in handlers.items()}, offers))
    finally: end_session(0)

def take_line():
    """Nothing else in this process, and none that it starts, is to read from the line, or to keep it open."""
    if not stat.S_ISSOCK(os.fstat(0).st_mode): sys.exit("descriptor 0 is no line: a worker is started by a pool")
    line = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return line

async def serve(line, handlers, offers):
    async with Calls(line, handlers, **offers) as parent: await parent.running

def end_with(line, grace):
    """A thread of its own sees the line's end, also while handlers keep the loop busy. What is to be done in order has
    the grace."""
    end = select.poll()
    end.register(line, select.POLLRDHUP)
    end.poll()
    time.sleep(grace)
    end_session(1)

def end_session(status):
    """Kills all processes that this one has started and that are still in its session, and ends this one, whatever its
    threads do."""
    own = os.getpid()
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            if pid != own and os.getsid(pid) == own: os.kill(pid, signal.SIGKILL)
        except OSError: pass  # it has ended meanwhile
    os._exit(status)

def task(handler):
    """A handler that computes gets a thread. No thread can be stopped, so its request is not answered before it has
    ended: the answer is what tells the parent that the worker is free."""
    if inspect.iscoroutinefunction(handler) or inspect.isasyncgenfunction(handler): return handler
    async def compute(call):
        call.is_cancelled = False
        computing = asyncio.create_task(asyncio.to_thread(handler, call))
        while not computing.done():
            try: await asyncio.wait([computing])
            except asyncio.CancelledError: call.is_cancelled = True
        if call.is_cancelled: raise asyncio.CancelledError
        return computing.result()
    return compute

# What `worker.py` does: what `calls.py` answers, and the thumbnails of examples/workers.

def render(call):
    """An image and its thumbnail come as open files, to read and to write."""
    query = call.body.value
    image, thumbnail = (call.body.files[query[name]] for name in ("image", "thumbnail"))
    with open(image, "rb", closefd=False) as file: picture = file.read()
    head = re.match(rb"P6\s+(?:#.*\n\s*)*(\d+)\s+(\d+)\s+255\s", picture)
    if not head: raise Failure("invalid-payload", "the file is not a PPM picture with 255 levels")
    width, height, pixels = int(head[1]), int(head[2]), picture[head.end():]
    if len(pixels) < 3 * width * height: raise Failure("invalid-payload", "pixels are missing")
    scale = max(1, -(-max(width, height) // query["side"]))
    small = width // scale or 1, height // scale or 1
    with open(thumbnail, "wb", closefd=False) as file:
        file.write(b"P6\n%d %d\n255\n" % small)
        for y in range(small[1]):
            starts = range(3 * width * y * scale, 3 * width * min((y + 1) * scale, height), 3 * width)
            for x in range(small[0]):
                block = b"".join(pixels[row + 3 * x * scale:row + 3 * min((x + 1) * scale, width)] for row in starts)
                file.write(bytes(sum(block[c::3]) // (len(block) // 3) for c in range(3)))
    return {"width": small[0], "height": small[1]}

if __name__ == "__main__": work({**calls.examples, "render": render})
