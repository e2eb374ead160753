"""Runs the measurements: interleaved, so that what else the machine does meets all alike."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict

from . import workers
from .plan import MEASUREMENTS, PLACEMENTS


class Results:
    def __init__(self):
        #: (what, size) → placement → peer → one value for each repetition, None where there was none.
        self.values = defaultdict(lambda: defaultdict(dict))
        self.units = {}
        #: What failed, in words.
        self.failures = []
        self.cold = {}
        #: What grows: title → (unit, how many → value).
        self.growth = {}
        self.directory = {}

    def add(self, key, placement, repetition, line):
        series = self.values[key][placement].setdefault(line["peer"], {})
        series[repetition] = line["value"]
        self.units[key] = line["unit"]

    def series(self, key, placement, peer):
        """Values by the number of the repetition."""
        return self.values[key][placement].get(peer, {})


def processors(placement):
    """Of those that this process may use, the first one or two; all where nobody is pinned."""
    allowed = sorted(os.sched_getaffinity(0))
    count = PLACEMENTS[placement]
    if count > len(allowed):
        return None
    return allowed[:count] if count else allowed


def environment(placement, bus, program):
    pinned = processors(placement) if PLACEMENTS[placement] else []
    return {
        **os.environ, "BENCH_BUS": bus.address, "BENCH_CPUS": ",".join(map(str, pinned)),
        "BENCH_WHERE": program if program in ("pool", "loop", "spin") else "",
    }


def lines(command, env, limit=60):
    """What a program measured, line by line; what it said on standard error instead is raised."""
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=limit)
    if done.returncode != 0:
        raise RuntimeError((done.stderr.strip() or f"ended with {done.returncode}").splitlines()[-1])
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def chosen(only):
    everything = MEASUREMENTS + workers.MEASUREMENTS
    return [m for m in everything if re.search(only, f"{m.what} {m.size} {m.title}")]


def run(programs, bus, pace, measurements):
    results = Results()
    for repetition in range(pace.repetitions):
        for measurement in measurements:
            for placement in measurement.placements:
                if processors(placement) is None:
                    continue
                show(f"{repetition + 1}/{pace.repetitions}  {measurement.title}, {placement}")
                bus.place(processors(placement))
                for program in measurement.programs:
                    if program in programs:
                        one(results, programs, program, measurement, placement, repetition, bus, pace)
    bus.place(processors("unpinned"))
    show("")
    return results


def one(results, programs, program, measurement, placement, repetition, bus, pace):
    command = [*programs[program], measurement.what, str(measurement.size), str(pace.seconds)]
    try:
        for line in lines(command, environment(placement, bus, program)):
            # A program may tell two things at once; the second has a key of its own.
            results.add((line["what"], measurement.size), placement, repetition, line)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        results.failures.append(f"{program}, {measurement.title}, {placement}: {error}")


def show(text):
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)
