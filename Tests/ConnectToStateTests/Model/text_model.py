#!/usr/bin/env python3
"""A model of shared text, as short as it can be: the tree of Fugue (Weidner, Kleppmann: The Art of the Fugue), where
each character is a node. It goes over the same lines as the values of model.py, and counts with the same dots.

Usage: text_model.py FIRST COUNT [--show SEED], as model.py.

A character stands left or right of its parent, which is another character, or the beginning of the text. The order of
a text: for each node first what is left of it, in the order of the dots, then itself, then what is right of it.
"""

import itertools

from model import Replica, Schedule, covers, run, unite

START = (0, 0)


class Text:
    def __init__(self):
        self.characters = {}  # dot -> (parent, side, character)
        self.deleted = set()

    def order(self):
        """All characters, the deleted ones too."""
        children = {}
        for dot in sorted(self.characters):
            parent, side, _ = self.characters[dot]
            children.setdefault((parent, side), []).append(dot)
        order, stack = [], [(START, False)]
        while stack:
            dot, is_plain = stack.pop()
            if is_plain:
                order.append(dot)
                continue
            right = [(child, False) for child in children.get((dot, "R"), [])]
            left = [(child, False) for child in children.get((dot, "L"), [])]
            stack += reversed(left + [(dot, True)] + right)
        return order

    def shown(self):
        return [dot for dot in self.order() if dot != START and dot not in self.deleted]

    def string(self):
        return "".join(self.characters[dot][2] for dot in self.shown())

    def place(self, offset):
        """Where a character goes that is inserted: parent and side."""
        left = ([START] + self.shown())[offset]
        if not any((parent, side) == (left, "R") for parent, side, _ in self.characters.values()):
            return left, "R"
        order = self.order()
        return order[order.index(left) + 1], "L"

    def insert(self, dot, parent, side, string):
        for character in string:
            self.characters[dot] = (parent, side, character)
            parent, side, dot = dot, "R", (dot[0], dot[1] + 1)


class TextReplica(Replica):
    def __init__(self, name):
        super().__init__(name)
        self.texts = {}
        self.deletions = {}  # dot -> (text, dots), those that are told one by one

    # Writing. An operation of a text has the shape of one of a value, and no stamp.

    def edit(self, name, offset, count, string, history):
        text = self.texts.get(name, Text())
        operations = []
        counter = self.vector.get(self.name, 0) + 1
        gone = text.shown()[offset : offset + count]
        if gone:
            operations.append(((self.name, counter), None, (name,), ("remove", gone), frozenset(gone)))
            counter += 1
        for operation in operations:
            self.put(operation)
        if string:
            parent, side = text.place(offset)
            seen = frozenset([parent] if parent != START else [])
            operation = ((self.name, counter), None, (name,), ("insert", parent, side, string), seen)
            self.put(operation)
            operations.append(operation)
        history += operations
        if operations:
            self.forward(operations, but=None)

    def put(self, operation):
        (name, counter), stamp, path, value, _ = operation
        if stamp is not None:
            return super().put(operation)
        text = self.texts.setdefault(path[0], Text())
        if value[0] == "remove":
            text.deleted |= set(value[1])
            self.remember(operation[0], path[0], value[1])
            self.vector[name] = counter
        else:
            text.insert((name, counter), *value[1:])
            self.vector[name] = counter + len(value[3]) - 1

    def remember(self, dot, name, dots):
        self.deletions[dot] = (name, dots)
        self.removals.append((dot, (name,)))

    # Hearing from others

    def delta(self, known):
        is_complete = not covers(known, self.floor)
        texts = {}
        for text_name, text in self.texts.items():
            characters = {dot: it for dot, it in text.characters.items() if is_new(dot, known) or is_complete}
            told = {
                dot: deletion
                for dot, deletion in self.deletions.items()
                if deletion[0] == text_name and (is_new(dot, known) or is_complete)
            }
            texts[text_name] = (characters, told, set(text.deleted) if is_complete else set())
        kept = self.removals
        self.removals = [removal for removal in kept if removal[0] not in self.deletions]
        delta = super().delta(known)
        self.removals = kept
        return (*delta, texts)

    def join(self, is_complete, entries, vector, floor, texts, sender):
        fresh = [(dot, path) for path in entries for dot in entries[path][1] if not self.knows(dot)]
        for name, (characters, told, deleted) in texts.items():
            text = self.texts.setdefault(name, Text())
            text.characters |= characters
            text.deleted |= deleted
            for dot, (_, dots) in told.items():
                text.deleted |= set(dots)
                if not self.knows(dot):
                    self.deletions[dot] = (name, dots)
                    fresh.append((dot, (name,)))
        before = len(self.removals)
        super().join(is_complete, entries, vector, floor, sender)
        self.removals[before:] = sorted(fresh)

    def forget(self, keeping):
        super().forget(keeping)
        left = {dot for dot, _ in self.removals}
        self.deletions = {dot: it for dot, it in self.deletions.items() if dot in left}

    def deliver(self, message, sender):
        if message[0] == "operations":
            for dot, stamp, _, value, _ in message[1]:
                if stamp is None and value[0] == "insert":
                    unite(self.lines[sender].known, {dot[0]: dot[1] + len(value[3]) - 1})
        super().deliver(message, sender)

    def text(self):
        strings = [f"{name}|{self.texts[name].string()}" for name in sorted(self.texts) if self.texts[name].characters]
        return super().text() + "".join("\n" + string for string in strings)


def is_new(dot, known):
    return known.get(dot[0], 0) < dot[1]


class TextSchedule(Schedule):
    """Half of the steps are edits of one of two texts. Offsets count Unicode scalars."""

    replica = TextReplica

    def step(self):
        if self.random.random() < 0.5:
            return super().step()
        name = self.random.choice(list(self.replicas))
        replica = self.replicas[name]
        text_name = self.random.choice("tttu")
        length = len(replica.texts[text_name].shown()) if text_name in replica.texts else 0
        offset = self.random.choice([0, length, self.random.randint(0, length), self.random.randint(0, length)])
        count = min(length - offset, self.random.choice([0, 0, 0, 1, 1, 2, 5]))
        string = "".join(self.random.choice("abcdeé€😀") for _ in range(self.random.choice([0, 1, 1, 1, 2, 3, 7])))
        replica.edit(text_name, offset, count, string, self.history)
        self.say("edit", name, text_name, offset, count, string, changed=name)

    def check(self):
        replica, *others = self.replicas.values()
        for other in others:
            for name in {*replica.texts, *other.texts}:
                strings = {here.texts.get(name, Text()).string() for here in (replica, other)}
                assert len(strings) == 1, f"seed {self.seed}: the texts differ"
        for dot, stamp, path, value, _ in self.history:
            if stamp is not None or not replica.knows(dot):
                continue
            text = replica.texts[path[0]]
            if value[0] == "insert":
                dots = [(dot[0], dot[1] + index) for index in range(len(value[3]))]
                assert all(dot in text.characters for dot in dots), f"seed {self.seed}: a character is missing"
            else:
                assert text.deleted >= set(value[1]), f"seed {self.seed}: a deletion is missing"
        self.history = [operation for operation in self.history if operation[1] is not None]
        super().check()


if __name__ == "__main__":
    run(TextSchedule)
