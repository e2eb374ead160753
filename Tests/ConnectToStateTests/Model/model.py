#!/usr/bin/env python3
"""A model of shared state, as short as it can be: what the library's own code is compared with.

Usage: model.py FIRST COUNT [--show SEED]

Makes random schedules of writes, removals, joins, losses of lines and forgetting among two to seven replicas, one for
each seed. Prints what happens in it, a line of JSON for each step, with a checksum of the replica that has changed.
With --show the text that the checksums are made of follows each step of one seed.

The model checks itself: at the end of a schedule all replicas are the same, and exactly those writes are left that no
other write had seen.
"""

import itertools
import json
import random
import sys
import zlib


class Replica:
    def __init__(self, name):
        self.name = name
        self.vector = {}  # replica -> how many of its operations are known
        self.values = {}  # path -> {dot: (stamp, value)}
        self.removals = []  # (dot, path), the oldest first: those that are told one by one
        self.floor = {}  # replica -> the last of its removals that is not
        self.clock = 0
        self.lines = {}  # replica -> Line

    def knows(self, dot):
        return covers(self.vector, {dot[0]: dot[1]})

    # Writing

    def set(self, path, value, history):
        leaves = dict(split(path, value)) if value is not None else {}
        gone = [at for at in self.values if is_related(at, path) and at not in leaves]
        self.clock += 1
        operations = []
        for at, new in [(at, None) for at in sorted(gone)] + sorted(leaves.items()):
            dot = (self.name, self.vector.get(self.name, 0) + 1)
            operation = (dot, (self.clock, self.name), at, new, frozenset(self.values.get(at, {})))
            self.put(operation)
            operations.append(operation)
        history += operations
        if operations:
            self.forward(operations, but=None)
        else:
            self.clock -= 1

    def put(self, operation):
        dot, stamp, path, value, seen = operation
        here = self.values.setdefault(path, {})
        for old in seen:
            here.pop(old, None)
        if value is None:
            self.removals.append((dot, path))
        else:
            here[dot] = (stamp, value)
        if not here:
            del self.values[path]
        self.vector[dot[0]] = dot[1]
        self.clock = max(self.clock, stamp[0])

    # Hearing from others

    def apply(self, operations, sender):
        fresh = [operation for operation in operations if not self.knows(operation[0])]
        for operation in fresh:
            dot, _, _, _, seen = operation
            assert dot[1] == self.vector.get(dot[0], 0) + 1, "an operation is missing"
            assert all(self.knows(old) for old in seen), "an operation came before one that it has seen"
            self.put(operation)
        if fresh:
            self.forward(fresh, but=sender)

    def forward(self, operations, but):
        for name, line in self.lines.items():
            if name != but and line.is_live:
                line.waiting.append(("operations", operations))
                unite(line.known, self.vector)

    def answer(self, name):
        """Sends what another replica lacks, and from then on each operation as it comes."""
        line = self.lines[name]
        line.is_live = True
        if not covers(line.known, self.vector):
            line.waiting.append(self.delta(line.known))
            unite(line.known, self.vector)

    def delta(self, known):
        is_complete = not covers(known, self.floor)
        paths = set(self.values) | {path for _, path in self.removals}
        entries = {}
        for path in paths:
            values = self.values.get(path, {})
            removals = [dot for dot, at in self.removals if at == path]
            if is_complete or any(known.get(dot[0], 0) < dot[1] for dot in [*values, *removals]):
                entries[path] = (dict(values), removals)
        floor = dict(self.floor) if is_complete else {}
        return ("delta", is_complete, entries, dict(self.vector), floor)

    def join(self, is_complete, entries, vector, floor, sender):
        for path in set(entries) | (set(self.values) if is_complete else set()):
            theirs, _ = entries.get(path, ({}, []))
            joined = {
                dot: value
                for dot, value in self.values.get(path, {}).items()
                if dot in theirs or vector.get(dot[0], 0) < dot[1]
            }
            joined |= {dot: value for dot, value in theirs.items() if not self.knows(dot)}
            for stamp, _ in joined.values():
                self.clock = max(self.clock, stamp[0])
            self.values[path] = joined
            if not joined:
                del self.values[path]
        fresh = [(dot, path) for path in sorted(entries) for dot in entries[path][1] if not self.knows(dot)]
        self.removals += sorted(fresh)
        has_grown = not covers(self.vector, vector)
        unite(self.vector, vector)
        unite(self.floor, floor)
        if has_grown:
            for name, line in self.lines.items():
                if name != sender and line.is_live:
                    self.answer(name)

    def forget(self, keeping):
        while len(self.removals) > keeping:
            (name, counter), _ = self.removals.pop(0)
            unite(self.floor, {name: counter})

    def open(self, name):
        self.lines[name] = Line()
        self.lines[name].waiting.append(("hello", dict(self.vector), True))

    def say_vector(self, line):
        if not line.has_said_vector:
            line.has_said_vector = True
            line.waiting.append(("vector", dict(self.vector)))

    def deliver(self, message, sender):
        line = self.lines[sender]
        if message[0] == "hello":
            _, vector, begins = message  # a hash of the vector is what goes over a line
            if begins:
                waiting = line.waiting
                line = self.lines[sender] = Line()
                line.waiting = waiting
                line.waiting.append(("hello", dict(self.vector), False))
            if vector == self.vector:
                unite(line.known, vector)
                line.is_live = True
            else:
                self.say_vector(line)
        elif message[0] == "vector":
            unite(line.known, message[1])
            self.say_vector(line)
            if not line.is_live:
                self.answer(sender)
        elif message[0] == "operations":
            for operation in message[1]:
                unite(line.known, {operation[0][0]: operation[0][1]})
            self.apply(message[1], sender)
        else:
            unite(line.known, message[3])
            self.join(*message[1:], sender)

    # Reading

    def view(self, rule):
        """The latest of all values is shown, what is above and below it is hidden, and so on with what is left."""
        shown = {}
        candidates = []
        for path, siblings in self.values.items():
            ordered = sorted((stamp, dot, value) for dot, (stamp, value) in siblings.items())
            candidates.append((ordered[-1][0], path, rule([value for _, _, value in ordered])))
        for _, path, value in sorted(candidates, key=lambda one: one[:2], reverse=True):
            if not any(is_related(path, other) for other in shown):
                shown[path] = value
        return shown

    def text(self):
        lines = []
        for path in sorted(self.values):
            siblings = sorted((stamp, dot, value) for dot, (stamp, value) in self.values[path].items())
            told = (f"{dot[0]}:{dot[1]}@{stamp[0]}:{stamp[1]}={value}" for stamp, dot, value in siblings)
            lines.append(".".join(path) + " " + " ".join(told))
        for word, vector in (("vector", self.vector), ("floor", self.floor)):
            lines.append(word + "".join(f" {name}:{counter}" for name, counter in sorted(vector.items())))
        for word, rule in (("latest", lambda values: values[-1]), ("custom", "+".join)):
            view = self.view(rule)
            lines.append(word + "".join(f" {'.'.join(path)}={view[path]}" for path in sorted(view)))
        return "\n".join(lines)


class Line:
    """What one side has said to the other one and has not come yet, and what it takes for known there."""

    def __init__(self):
        self.waiting = []
        self.is_live = False
        self.has_said_vector = False
        self.known = {}


def split(path, value):
    if isinstance(value, dict) and value:
        for key, member in value.items():
            yield from split(path + (key,), member)
    else:
        yield path, "{}" if value == {} else value


def is_related(one, other):
    """Whether one path is the other, above it or below it."""
    return one[: len(other)] == other or other[: len(one)] == one


def covers(vector, other):
    return all(vector.get(name, 0) >= counter for name, counter in other.items())


def unite(vector, other):
    for name, counter in other.items():
        vector[name] = max(vector.get(name, 0), counter)


class Schedule:
    replica = Replica

    def __init__(self, seed, show):
        self.random = random.Random(seed)
        self.seed, self.show = seed, show
        self.replicas = {}
        self.history = []
        self.names = itertools.count(1)

    def say(self, *step, changed=None):
        said = list(step)
        if changed is not None:
            said.append(zlib.crc32(self.replicas[changed].text().encode()))
        print(json.dumps(said))
        if self.show and changed is not None:
            print(self.replicas[changed].text())

    def add(self):
        name = next(self.names)
        self.replicas[name] = self.replica(name)
        self.say("add", name)

    def remove(self, name):
        for other in list(self.replicas[name].lines):
            self.cut(name, other)
        del self.replicas[name]
        self.say("remove", name)

    def connect(self, one, other):
        for here, there in ((one, other), (other, one)):
            self.replicas[here].open(there)
        self.say("connect", one, other)

    def cut(self, one, other):
        if self.replicas[one].lines.pop(other, None):
            self.replicas[other].lines.pop(one)
            self.say("cut", one, other)

    def deliver(self, sender, receiver):
        line = self.replicas[sender].lines.get(receiver)
        if line and line.waiting:
            self.replicas[receiver].deliver(line.waiting.pop(0), sender)
            self.say("deliver", sender, receiver, changed=receiver)

    def step(self):
        one, other = self.random.sample(list(self.replicas), 2)
        chance = self.random.random()
        if chance < 0.3:
            path = tuple(self.random.choice("abc") for _ in range(self.random.randint(0, 3)))
            digit = self.random.randint(0, 9)
            value = self.random.choice([None, f"v{digit}", {"a": f"x{digit}", "b": {"c": "y"}}, {}])
            self.replicas[one].set(path, value, self.history)
            self.say("set", one, list(path), value, changed=one)
        elif chance < 0.8:
            self.deliver(one, other)
        elif chance < 0.9:
            if other not in self.replicas[one].lines:
                self.connect(one, other)
        elif chance < 0.94:
            self.cut(one, other)
        elif chance < 0.98:
            keeping = self.random.choice([0, 1, 4])
            self.replicas[one].forget(keeping)
            self.say("forget", one, keeping, changed=one)
        elif len(self.replicas) < 7:
            self.add()
        elif len(self.replicas) > 2:
            self.remove(one)

    def run(self):
        self.say("seed", self.seed)
        for _ in range(self.random.randint(2, 5)):
            self.add()
        for _ in range(120):
            self.step()
        for one, other in itertools.combinations(list(self.replicas), 2):
            self.cut(one, other)
            self.connect(one, other)
        while busy := [(a, b) for a, it in self.replicas.items() for b, line in it.lines.items() if line.waiting]:
            self.deliver(*self.random.choice(busy))
        self.check()
        self.say("end")

    def check(self):
        replica, *others = self.replicas.values()
        for other in others:
            same = (other.values, other.vector) == (replica.values, replica.vector)
            assert same, f"seed {self.seed}: the replicas differ"
        known = [operation for operation in self.history if replica.knows(operation[0])]
        replaced = {dot for operation in known for dot in operation[4]}
        left = {operation[0] for operation in known if operation[3] is not None and operation[0] not in replaced}
        assert left == {dot for here in replica.values.values() for dot in here}, f"seed {self.seed}: wrong writes"


def run(schedule):
    first, count = int(sys.argv[1]), int(sys.argv[2])
    shown = int(sys.argv[4]) if "--show" in sys.argv else None
    for seed in range(first, first + count):
        schedule(seed, seed == shown).run()


if __name__ == "__main__":
    run(Schedule)
