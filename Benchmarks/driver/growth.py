"""How cost grows with the number of contexts, of ports, and with the size of messages."""

import math
import resource
import subprocess

from . import runner

KIB, MIB = 1 << 10, 1 << 20


def measure(programs, bus, pace, results):
    counts = [1, 100, 1_000] if pace.quick else [1, 10, 100, 1_000, 10_000]
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    ports = counts[:-1] + [min(counts[-1], descriptors - 1_000)]
    sizes = [1, 64, 4 * KIB, MIB, 64 * MIB] if pace.quick else [4**n for n in range(14)]
    env = runner.environment("unpinned", bus, "loop")
    for what, steps in (("contexts", counts), ("ports", ports), ("messengers", ports), ("gather", [1_000])):
        for count in steps:
            many(results, [*programs["loop"], what, str(count), str(pace.seconds)], env, count)
    for count in counts:
        directory(programs, results, env, count)
    for size in sizes:
        for program in ("loop", "roundtrip"):
            runner.show(f"Round trip of {size} B")
            for line in attempt(results, [*programs[program], "roundtrip", str(size), str(pace.seconds)], env):
                add(results, f"round trip, {line['peer']}", line["unit"], size, line["value"])


def many(results, command, env, count):
    runner.show(f"{count} {command[-3]}")
    for line in attempt(results, command, env):
        add(results, line["what"], line["unit"], count, line["value"])


def directory(programs, results, env, count):
    """The same details, asked for in C, pipelined."""
    if "libdbus" not in programs:
        return
    holder = subprocess.Popen([*programs["loop"], "hold", str(count), "0"], env=env, stdout=subprocess.PIPE)
    try:
        holder.stdout.readline()
        for line in attempt(results, [*programs["libdbus"], "directory", "0", "0"], env):
            add(results, "contexts: directory by libdbus, pipelined", line["unit"], count, line["value"])
    finally:
        holder.kill()
        holder.wait()


def attempt(results, command, env):
    try:
        return runner.lines(command, env, limit=120)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        results.failures.append(f"{' '.join(command[-3:])}: {error}")
        return []


def add(results, title, unit, count, value):
    results.growth.setdefault(title, (unit, {}))[1][count] = value


def exponent(points):
    """Of the power law that fits best, over the upper half of the steps: below, fixed costs rule."""
    points = sorted((n, v) for n, v in points.items() if n > 0 and v > 0)
    points = points[len(points) // 2 - (len(points) == 2):]
    if len(points) < 2:
        return None
    xs, ys = [math.log(n) for n, _ in points], [math.log(v) for _, v in points]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys)) / sum((a - x) ** 2 for a in xs)


def in_words(exponent):
    if exponent is None:
        return "too few steps to tell"
    for limit, words in (
        (-0.15, "falls"), (0.15, "does not grow"), (0.85, "grows more slowly than they do"),
        (1.15, "grows as they do"), (1.85, "grows faster than they do"), (9, "grows as their square or worse"),
    ):
        if exponent <= limit:
            return words
    return "explodes"
