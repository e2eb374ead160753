"""Pools of workers, beside those that people use: what is measured, how it should come out, and its tables.

Nobody is pinned: a pool with two workers and a parent has no use for one processor each.
"""

from statistics import median

from .plan import LOOP, MIB, OURS, Measurement

EXECUTOR, POOL, THREADS, FORK = (
    "Python ProcessPoolExecutor", "Python multiprocessing.Pool", "Node worker_threads", "Node fork")
PEERS = [EXECUTOR, POOL, THREADS, FORK]
PROGRAMS = ["pool", "loop", "executor", "pypool", "threads", "forks"]
PLACEMENT = "unpinned"

#: How many times a cold pool is made, and how many idle workers there are.
TIMES, IDLE = 15, 16


def measurement(title, what, size):
    return Measurement(title, what, size, PROGRAMS, (PLACEMENT,))


MEASUREMENTS = [
    measurement("Empty tasks one at a time, 1 worker", "poolone", 1),
    measurement("Empty tasks one at a time, 2 workers", "poolone", 2),
    measurement("64 empty tasks under way, 1 worker", "poolmany", 1),
    measurement("64 empty tasks under way, 2 workers", "poolmany", 2),
    measurement("1 MiB to a worker and back", "poolbulk", MIB),
    measurement("First answer of a cold pool", "poolfirst", TIMES),
    measurement("1 s of work in tasks of 1 ms, 2 workers", "poolwork", 2),
    measurement("Memory of the parent for each idle worker", "poolidle", IDLE),
]

#: Title, key and what of it is shown: a program may tell several things at once.
FIGURES = [
    ("empty tasks a second, one at a time, 1 worker", ("poolone rate", 1)),
    ("empty tasks a second, one at a time, 2 workers", ("poolone rate", 2)),
    ("empty tasks a second, 64 under way, 1 worker", ("poolmany", 1)),
    ("empty tasks a second, 64 under way, 2 workers", ("poolmany", 2)),
    ("4,000 empty tasks given at once: how many a second, 1 worker", ("poolmany all", 1)),
    ("4,000 empty tasks given at once: how many a second, 2 workers", ("poolmany all", 2)),
    ("an empty task on a warm pool, 1 worker: p50, µs", ("poolone", 1)),
    ("… p99, µs", ("poolone p99", 1)),
    ("an empty task on a warm pool, 2 workers: p50, µs", ("poolone", 2)),
    ("… p99, µs", ("poolone p99", 2)),
    ("1 MiB in, 1 MiB out, µs", ("poolbulk", MIB)),
    ("… in shared memory that goes along with each task, µs", ("poolbulk shared", MIB)),
    ("… in shared memory that the worker has, µs", ("poolbulk kept", MIB)),
    ("first answer of a cold pool, µs", ("poolfirst", TIMES)),
    ("… posix_spawn, exec and exit of the same program, µs", ("poolfirst spawn", TIMES)),
    ("1 s of work in tasks of 1 ms, 2 workers: part of perfect", ("poolwork", 2)),
    ("resident memory of the parent for each idle worker, B", ("poolidle", IDLE)),
    ("… of it on the heap, B", ("poolidle heap", IDLE)),
]

AHEAD = {peer: 1.0 for peer in PEERS}
RATE = {EXECUTOR: 3.0, POOL: 1.2, THREADS: 1.0, FORK: 1.0}

#: Title, our key, the peers' key, and for each peer how many times as good we want to be.
TARGETS = [
    *((title, key, key, RATE) for title, key in FIGURES[:6]),
    ("p99 of an empty task on a warm pool, 1 worker", ("poolone p99", 1), ("poolone p99", 1), AHEAD),
    ("p99 of an empty task on a warm pool, 2 workers", ("poolone p99", 2), ("poolone p99", 2), AHEAD),
    ("1 MiB in, 1 MiB out", ("poolbulk", MIB), ("poolbulk", MIB), AHEAD),
    ("1 MiB in a `SharedBuffer` with each task, beside theirs copied", ("poolbulk shared", MIB), ("poolbulk", MIB),
     {peer: 3.0 for peer in PEERS}),
    ("1 MiB in a `SharedBuffer` that the worker has, beside theirs copied", ("poolbulk kept", MIB), ("poolbulk", MIB),
     {peer: 3.0 for peer in PEERS}),
    ("first answer of a cold pool", ("poolfirst", TIMES), ("poolfirst", TIMES), AHEAD),
]

#: Those that are beside nobody: title, target in words, key, key to divide by, bound, and whether it is the most.
BOUNDS = [
    ("first answer of a cold pool", "≤ 2 × posix_spawn, exec and exit of the same program", ("poolfirst", TIMES),
     ("poolfirst spawn", TIMES), 2.0, True),
    ("1 s of work in tasks of 1 ms, 2 workers", "≥ 0.95 of perfect", ("poolwork", 2), None, 0.95, False),
    ("memory of the parent for each idle worker", "≤ 32 KiB", ("poolidle", IDLE), None, 32768, True),
]


def ratio(results, ours, peer, key, their_key):
    """How many times as good we are: the median within each repetition."""
    mine, theirs = results.series(key, PLACEMENT, ours), results.series(their_key, PLACEMENT, peer)
    is_time = results.units.get(key) == "us"
    ratios = [theirs[r] / mine[r] if is_time else mine[r] / theirs[r] for r in mine if theirs.get(r) and mine[r]]
    return median(ratios) if ratios else None


def cell(found, bound):
    if found is None:
        return "not measured"
    return f"**{found:.2f} ×** met" if found >= bound else f"**{found:.2f} ×** missed, wanted {bound:g} ×"


def bound_cell(results, ours, key, divisor, bound, is_most):
    mine = results.series(key, PLACEMENT, ours)
    beside = results.series(divisor, PLACEMENT, ours) if divisor else dict.fromkeys(mine, 1)
    values = [mine[r] / beside[r] for r in mine if beside.get(r)]
    if not values:
        return "not measured"
    value = median(values)
    return f"**{value:,.3g}** {'met' if (value <= bound if is_most else value >= bound) else 'missed'}"


def report(results, table, figure):
    """The tables of a result's part on workers, in the report's way of writing them."""
    if not any(measurement.key in results.units for measurement in MEASUREMENTS):
        return
    yield "## Workers"
    yield ""
    yield "How many times as good a pool of ours is as each peer's, on default executors and on the loop."
    yield ""
    rows = []
    for title, key, their_key, bounds in TARGETS:
        for ours in (OURS, LOOP):
            where = "on the loop" if ours == LOOP else "default"
            ratios = {peer: ratio(results, ours, peer, key, their_key) for peer in PEERS}
            rows.append([title, where, *(cell(ratios[peer], bounds[peer]) for peer in PEERS)])
            title = "…"
    yield from table(["what", "", *PEERS], rows)
    rows = [[title, target, *(bound_cell(results, ours, *bound) for ours in (OURS, LOOP))]
            for title, target, *bound in BOUNDS]
    yield from table(["what", "target", OURS, LOOP], rows)
    yield "All figures, best / median:"
    yield ""
    rows = []
    for title, key in FIGURES:
        rows.append([title, *(values(results, key, peer, figure) for peer in (OURS, LOOP, *PEERS))])
    yield from table(["what", f"**{OURS}**", f"**{LOOP}**", *PEERS], rows)


def values(results, key, peer, figure):
    found = list(results.series(key, PLACEMENT, peer).values())
    if not found:
        return ""
    best = min if results.units[key] in ("us", "B") else max
    return f"{figure(best(found))} / {figure(median(found))}"
