"""RESULTS.md: the targets first, then all figures."""

import json
import os
from datetime import date
from statistics import median

from . import workers
from .growth import exponent, in_words
from .plan import KIB, LOOP, MEASUREMENTS, MIB, OURS, PLACEMENTS, TARGETS

UNITS = {"us": "µs", "per_s": "messages a second", "GiB_s": "GiB a second", "B": "B", "count": ""}


def best(unit, values):
    return min(values) if unit == "us" else max(values)


def figure(value):
    if value >= 1e6:
        return f"{value / 1e6:.3g} M"
    if value >= 1e3:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table(header, rows):
    yield "| " + " | ".join(header) + " |"
    yield "|" + " --- |" * len(header)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def ratio(results, target, placement):
    """The median of the ratios within each repetition."""
    ours = results.series((target.what or target.measurement[0], target.measurement[1]), placement, target.ours)
    peer = results.series(target.measurement, placement, target.peer)
    ratios = [ours[r] / peer[r] for r in ours if r in peer and peer[r]]
    return median(ratios) if ratios else None


def verdict(ratio, bound_is_met, miss):
    if ratio is None:
        return "not measured"
    return f"**{ratio:.2f} ×** met" if bound_is_met else f"**{ratio:.2f} ×** missed by {miss:.0%}"


def cell(results, target, placement):
    found = ratio(results, target, placement)
    if found is None:
        return "not measured"
    return verdict(found, target.is_met(found), target.miss(found))


def targets(results):
    rows = []
    for target in TARGETS:
        rows.append(
            [target.title, f"{target.sign} {target.bound:g} × {target.beside or target.peer}"]
            + [cell(results, target, placement) for placement in PLACEMENTS])
    yield from table(["what", "target", *PLACEMENTS], rows)
    yield from table(["what", "target", "here"], single_targets(results))
    yield ""


def single_targets(results):
    """Those that are not about placement."""
    cold = {title: median(values) for title, values in results.cold.items() if values}
    growth = {title: points for title, (_, points) in results.growth.items()}

    def row(title, target, value, unit, bound):
        if value is None:
            return [title, target, "not measured"]
        by = f" by {value / bound - 1:.0%}" if bound else ""
        words = "met" if value <= bound else f"missed{by}"
        return [title, target, f"**{value:.3g}{unit}** {words}"]

    def of(title, count):
        return growth.get(title, {}).get(count)

    def quotient(a, b):
        return a / b if a is not None and b else None

    ours = cold.get("connect to NAME x")
    yield row("one-shot `connect to NAME x`", "≤ 0.75 × `busctl call`", quotient(ours, cold.get("busctl")), " ×", 0.75)
    yield row("one-shot `connect to NAME x`", "aim: ≤ 1.0 × `dbus-send`", quotient(ours, cold.get("dbus-send")), " ×", 1)
    ports = max(growth.get("ports: heap for each", {0: 0}))
    yield row(f"an idle open port, of {ports:,}: memory", "≤ 2 KiB", of("ports: heap for each", ports), " B", 2048)
    yield row("… threads", "none", of("ports: threads more", ports), "", 0)
    yield row("… wake-ups a second, of all of them", "none", of("ports: wake-ups", ports), "", 0)
    messengers = max(growth.get("messengers: heap for each, beside its port", {0: 0}))
    yield row(
        f"an idle messenger, of {messengers:,}: memory beside its port", "≤ 4 KiB",
        of("messengers: heap for each, beside its port", messengers), " B", 4096)
    yield row("… threads", "none", of("messengers: threads more", messengers), "", 0)
    yield row("… wake-ups a second, of all of them", "none", of("messengers: wake-ups", messengers), "", 0)
    last, whole = of("gather: the last answer", 1_000), of("gather: all of it, within 1 s", 1_000)
    yield row(
        "a hub asks 1,000 spokes, one of them dead and one stopped: the last of the others' answers", "≤ 100 ms",
        last and last / 1e3, " ms", 100)
    yield row("… all of it", "the deadline of 1 s, at most 50 ms more", whole and whole / 1e6, " s", 1.05)
    yield row(
        f"{ports:,} open ports, one active: its round trip", "≤ 1.1 × a lone one's",
        quotient(of("ports: round trip of one", ports), of("ports: round trip, before", ports)), " ×", 1.1)
    contexts = max(growth.get("contexts: heap for each", {0: 0}))
    seconds = of("contexts: registering all", contexts)
    yield row(f"{contexts:,} contexts: registering", "≤ 1 s", seconds and seconds / 1e6, " s", 1)
    yield row("… heap for each", "≤ 250 B", of("contexts: heap for each", contexts), " B", 250)
    yield row(
        "… `connectTo` one of them", "≤ 1.2 × as with one",
        quotient(of("contexts: connectTo", contexts), of("contexts: connectTo, before", contexts)), " ×", 1.2)
    yield row(
        "… the directory", "≤ 2 × libdbus, pipelined",
        quotient(of("contexts: directory", contexts), of("contexts: directory by libdbus, pipelined", contexts)), " ×", 2)


def alternatives(results):
    """How we do beside the best of what people would use instead, C on bare sockets not among it."""
    rows = []
    for measurement in MEASUREMENTS:
        for ours in (OURS, LOOP):
            cells = [best_alternative(results, measurement, ours, placement) for placement in PLACEMENTS]
            if any(cells):
                rows.append([f"{measurement.title}, {ours.removeprefix('ConnectTo, ')}", *cells])
    yield from table(["how many times as good", *PLACEMENTS], rows)


def best_alternative(results, measurement, ours, placement):
    mine = results.series(measurement.key, placement, ours)
    others = {
        peer: median(series.values()) for peer, series in results.values[measurement.key][placement].items()
        if series and not peer.startswith(("C ", "ConnectTo"))}
    if not mine or not others:
        return ""
    is_time = results.units[measurement.key] == "us"
    peer = (min if is_time else max)(others, key=others.get)
    theirs = results.series(measurement.key, placement, peer)
    ratios = [theirs[r] / mine[r] if is_time else mine[r] / theirs[r] for r in mine if r in theirs]
    return f"**{median(ratios):.2f}** as {peer}" if ratios else ""


def measured(results, measurement):
    unit = results.units.get(measurement.key)
    if unit is None:
        return
    yield f"### {measurement.title}, {UNITS[unit]}"
    yield ""
    peers = []
    keys = [measurement.key, (measurement.what + " first", measurement.size)]
    for key in keys:
        for placement in PLACEMENTS:
            for peer in results.values[key][placement]:
                if (key, peer) not in peers:
                    peers.append((key, peer))
    rows = []
    for key, peer in peers:
        name = peer + (", first contact" if key != measurement.key else "")
        row = [f"**{name}**" if peer in (OURS, LOOP) else name]
        for placement in PLACEMENTS:
            values = list(results.series(key, placement, peer).values())
            row.append(f"{figure(best(unit, values))} / {figure(median(values))}" if values else "")
        rows.append(row)
    yield from table(["best / median", *PLACEMENTS], rows)


def cold(results):
    yield "### Cold start, milliseconds"
    yield ""
    rows = [[title, f"{values[0]:.2f}", f"{median(values):.2f}"] for title, values in results.cold.items()]
    yield from table(["command", "min", "median"], rows)


def count_of(n):
    if n >= MIB and n % MIB == 0:
        return f"{n // MIB} Mi"
    return f"{n // KIB} Ki" if n >= KIB and n % KIB == 0 else f"{n:,}"


def growth(results):
    yield "## How cost grows"
    yield ""
    yield "The exponent is that of the power law that fits the upper half of the steps."
    yield ""
    groups = {"contexts": [], "ports": [], "messengers": [], "gather": [], "round trip": []}
    for title in results.growth:
        key = next(word for word in groups if title.startswith(word))
        groups[key].append(title)
    for word, titles in groups.items():
        if not titles:
            continue
        steps = sorted({n for title in titles for n in results.growth[title][1]})
        label = "message size, bytes" if word == "round trip" else word
        rows = []
        for title in titles:
            unit, points = results.growth[title]
            power = exponent(points)
            says = in_words(power) + (f" ({power:.2f})" if power is not None else "")
            name = title.removeprefix(f"{word}: ").removeprefix(f"{word}, ")
            rows.append(
                [f"{name}, {UNITS[unit]}".replace("messages a second", "a second").removesuffix(", ")]
                + [figure(points[n]) if n in points else "" for n in steps] + [says])
        yield from table([label, *map(count_of, steps), "cost"], rows)


def instructions():
    path = os.path.join(os.path.dirname(__file__), "..", "instructions.json")
    if not os.path.exists(path):
        return
    yield "## Instructions"
    yield ""
    yield "For a message of 64 B in this process, by callgrind; what else the machine does has no part in it. `make instructions`"
    yield "compares with these, and fails where one takes over 10 % more."
    yield ""
    with open(path) as file:
        figures = json.load(file)
    yield from table(["hot path", "a message"], [[name, f"{value:,.6g}"] for name, value in figures.items()])


def notes():
    """What was found out about misses, by people; beside the figures, and not overwritten with them."""
    path = os.path.join(os.path.dirname(__file__), "..", "NOTES.md")
    if os.path.exists(path):
        with open(path) as file:
            yield file.read()


def write(results, machine, pace, path):
    lines = ["# Results", ""]
    lines += [
        "Written by `make bench`. Compare ratios, not times: those are the machine's. Each ratio is the median of the "
        f"ratios within {pace.repetitions} repetition{'s' if pace.repetitions > 1 else ''}, in which all took turns. "
        "Two processes each (Node's MessageChannel: two threads), pinned to one processor, to one each, or not at "
        "all; the bus's daemon runs where they do. Every message was checked on arrival.", ""]
    if pace.quick:
        lines += ["**A quick run: it shows that everything works, and its figures are not to be quoted.**", ""]
    lines += table(["", ""], [[word, what] for word, what in {"date": str(date.today()), **machine}.items()])
    lines += ["## Targets", ""]
    lines += targets(results)
    lines += ["## Beside the best alternative", ""]
    lines += alternatives(results)
    lines += workers.report(results, table, figure)
    lines += notes()
    lines += ["## All figures", "", "![](results.svg)", ""]
    for measurement in MEASUREMENTS:
        lines += measured(results, measurement)
    lines += cold(results)
    lines += growth(results)
    lines += instructions()
    if results.failures:
        lines += ["## What failed", ""] + [f"- {failure}" for failure in results.failures] + [""]
    with open(path, "w") as file:
        file.write("\n".join(lines).rstrip() + "\n")
    print(f"Written: {path}")
