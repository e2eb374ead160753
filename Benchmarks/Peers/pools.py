"""Python's pools of processes, a task at a time to a worker: `python3 pools.py executor|pool WHAT SIZE SECONDS`"""

import itertools
import json
import os
import sys
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import Pool
from time import perf_counter, thread_time

#: How many tasks at a time, and how many that are all given at once.
UNDER_WAY, ALL = 64, 4000


# What workers do.


def nothing(_=None):
    pass


def echo(message, number):
    check_stamp(message, number)
    return message


def work():
    """1 ms of the processor's time."""
    end = thread_time() + 0.001
    while thread_time() < end:
        pass


# The two pools, alike.


class Executor:
    name = "Python ProcessPoolExecutor"

    def __init__(self, workers):
        self.pool = ProcessPoolExecutor(workers)

    def submit(self, task, *arguments):
        """Returns a function that waits for the answer."""
        return self.pool.submit(task, *arguments).result

    def map(self, task, values):
        """Gives all of them at once."""
        return self.pool.map(task, values)

    def end(self):
        self.pool.shutdown()


class ProcessPool:
    name = "Python multiprocessing.Pool"

    def __init__(self, workers):
        self.pool = Pool(workers)

    def submit(self, task, *arguments):
        return self.pool.apply_async(task, arguments).get

    def map(self, task, values):
        """Gives all of them at once, in chunks of one."""
        return self.pool.imap_unordered(task, values)

    def end(self):
        self.pool.terminate()


# The measurements.


def samples(pool, seconds, submit):
    """How long tasks take, one at a time, in microseconds; the first ones do not count."""
    found, end = [], perf_counter() + seconds
    for number in itertools.count():
        begin = perf_counter()
        if begin > end and number >= 120:
            return sorted(found)
        submit(number)
        if number >= 20:
            found.append((perf_counter() - begin) * 1e6)


def one(pool, workers, seconds):
    found = samples(pool, seconds, lambda _: pool.submit(nothing)())
    yield "poolone", "us", quantile(found, 0.5)
    yield "poolone p99", "us", quantile(found, 0.99)
    yield "poolone rate", "per_s", 1e6 * len(found) / sum(found)


def many(pool, workers, seconds):
    for _ in range(UNDER_WAY):
        pool.submit(nothing)()
    tasks, number, begin = deque(), 0, perf_counter()
    while perf_counter() < begin + seconds:
        if len(tasks) == UNDER_WAY:
            tasks.popleft()()
            number += 1
        tasks.append(pool.submit(nothing))
    for answer in tasks:
        answer()
    yield "poolmany", "per_s", (number + len(tasks)) / (perf_counter() - begin)
    begin = perf_counter()
    for _ in pool.map(nothing, range(ALL)):
        pass
    yield "poolmany all", "per_s", ALL / (perf_counter() - begin)


def bulk(pool, size, seconds):
    message = bytearray(size)

    def there_and_back(number):
        stamp(message, number)
        check_stamp(pool.submit(echo, message, number)(), number)

    yield "poolbulk", "us", quantile(samples(pool, seconds, there_and_back), 0.5)


def spin(pool, workers, seconds):
    """A second of work: what part of perfect it is."""
    for _ in range(20):
        pool.submit(work)()
    begin = perf_counter()
    for answer in [pool.submit(work) for _ in range(1000)]:
        answer()
    yield "poolwork", "part", 1 / workers / (perf_counter() - begin)


def first(kind, times):
    """From making a pool of one worker to its first answer."""
    found = []
    for _ in range(times):
        begin = perf_counter()
        pool = kind(1)
        pool.submit(nothing)()
        found.append((perf_counter() - begin) * 1e6)
        pool.end()
    yield "poolfirst", "us", quantile(sorted(found), 0.5)


def idle(kind, workers):
    """What the parent holds for each worker that does nothing: for those of a second pool, once there is one."""
    pools = [warm(kind, workers)]
    before = resident()
    pools.append(warm(kind, workers))
    yield "poolidle", "B", (resident() - before) / workers
    for pool in pools:
        pool.end()


def warm(kind, workers):
    pool = kind(workers)
    for answer in [pool.submit(nothing) for _ in range(10 * workers)]:
        answer()
    return pool


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def quantile(values, part):
    return values[int((len(values) - 1) * part)]


def stamp(message, number):
    for offset in range(0, len(message), 4096):
        message[offset : offset + 8] = number.to_bytes(8, "little")
    message[-8:] = number.to_bytes(8, "little")


def check_stamp(message, number):
    wanted = number.to_bytes(8, "little")
    if message[-8:] != wanted or any(message[n : n + 8] != wanted for n in range(0, len(message), 4096)):
        sys.exit(f"message {number} did not arrive intact")


def main(which, what, size, seconds):
    kind = {"executor": Executor, "pool": ProcessPool}[which]
    if what == "poolfirst":
        lines = first(kind, size)
    elif what == "poolidle":
        lines = idle(kind, size)
    else:
        pool = kind(1 if what == "poolbulk" else size)
        lines = {"poolone": one, "poolmany": many, "poolbulk": bulk, "poolwork": spin}[what](pool, size, seconds)
    for key, unit, value in lines:
        print(json.dumps({"peer": kind.name, "what": key, "size": size, "unit": unit, "value": value}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
