"""Python: multiprocessing.Pipe between two processes. `python3 pipe.py WHAT SIZE SECONDS`"""

import json
import os
import sys
from multiprocessing import Pipe, Process
from time import perf_counter_ns


def pin(side):
    cpus = [int(cpu) for cpu in os.environ.get("BENCH_CPUS", "").split(",") if cpu]
    if cpus:
        os.sched_setaffinity(0, [cpus[min(side, len(cpus) - 1)]])


def stamp(message, number):
    message[:8] = message[-8:] = number.to_bytes(8, "little")


def check_stamp(message, number):
    wanted = number.to_bytes(8, "little")
    if message[:8] != wanted or message[-8:] != wanted:
        sys.exit(f"message {number} did not arrive intact")


def serve(line, what):
    pin(1)
    number = 0
    while message := line.recv_bytes():
        if len(message) == 1:
            line.send_bytes(b"!")
        elif what == "roundtrip":
            line.send_bytes(message)
        else:
            check_stamp(message, number)
            if what == "bulk":
                line.send_bytes(b"!")
        number += 1


def main(what, size, seconds):
    mine, theirs = Pipe()
    peer = Process(target=serve, args=(theirs, what), daemon=True)
    peer.start()
    pin(0)
    message = bytearray(size)
    end = perf_counter_ns() + int(seconds * 1e9)
    begin = before = perf_counter_ns()
    samples, number = [], 0
    while before < end or number < 24:
        stamp(message, number)
        mine.send_bytes(message)
        if what != "oneway":
            answer = mine.recv_bytes()
            if what == "roundtrip":
                check_stamp(answer, number)
        after = perf_counter_ns()
        if number >= 20 or what == "bulk":
            samples.append(after - before)
        before = after
        number += 1
    if what == "oneway":
        mine.send_bytes(b"?")
        mine.recv_bytes()
        unit, value = "per_s", number / (perf_counter_ns() - begin) * 1e9
    else:
        median = sorted(samples)[(len(samples) - 1) // 2]
        unit, value = ("us", median / 1e3) if what == "roundtrip" else ("GiB_s", size / median * 1e9 / 2**30)
    print(json.dumps(dict(peer="Python multiprocessing.Pipe", what=what, size=size, unit=unit, value=value)))


main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
