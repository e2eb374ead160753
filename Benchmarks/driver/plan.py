"""What is measured, by which programs, and how it should come out."""

from dataclasses import dataclass

KIB, MIB = 1 << 10, 1 << 20

#: Where processes run: the name of a placement, and how many processors it pins them to.
PLACEMENTS = {"one core": 1, "two cores": 2, "unpinned": 0}

OURS, LOOP, SPIN = "ConnectTo", "ConnectTo, on the loop", "ConnectTo, spinning"
OUR_SIDE = ["pool", "loop"]
ALTERNATIVES = ["sdbus", "gdbus", "libdbus", "zeromq", "nng", "channel", "fork", "pipe"]


@dataclass
class Pace:
    """How long and how often; a quick run is to show that everything works, not to be believed."""

    quick: bool
    asked: int | None = None

    @property
    def repetitions(self):
        return self.asked or (1 if self.quick else 5)

    @property
    def seconds(self):
        return 0.1 if self.quick else 0.5


@dataclass
class Measurement:
    title: str
    what: str
    size: int
    programs: list
    placements: tuple = tuple(PLACEMENTS)

    @property
    def key(self):
        return (self.what, self.size)


MEASUREMENTS = [
    Measurement("64 B round trip", "roundtrip", 64, OUR_SIDE + ["roundtrip"] + ALTERNATIVES),
    # On one core spinning only keeps the other side from running.
    Measurement("64 B round trip, both spinning", "spinning", 64, ["spin", "roundtrip"], ("two cores",)),
    Measurement("64 B one way", "oneway", 64, OUR_SIDE + ["oneway"] + ALTERNATIVES),
    Measurement("64 B one way, in bursts", "burst", 64, OUR_SIDE + ["oneway"]),
    Measurement("1 KiB one way", "oneway", KIB, OUR_SIDE + ["oneway"] + ALTERNATIVES),
    Measurement("1 MiB and an answer", "bulk", MIB, OUR_SIDE + ["bulk"] + ALTERNATIVES),
    Measurement("64 MiB and an answer", "bulk", 64 * MIB, OUR_SIDE + ["bulk", "zeromq"]),
    Measurement("16 MiB of shared memory, filled, passed, read", "buffer", 16 * MIB, OUR_SIDE + ["bulk"]),
    Measurement("A small value as JSON, there and back", "json", 0, OUR_SIDE + ["fork", "channel"]),
    Measurement("Introduction: from connecting to “Welcome”", "connect", 0, OUR_SIDE + ["libdbus"]),
    Measurement("1 KiB to 1,000 receivers", "broadcast", 1000, OUR_SIDE + ["broadcast"]),
    # Calls. Their peers' method calls are what they measure as round trips.
    Measurement("A request of 64 B and its answer", "request", 64, OUR_SIDE + ["grpc"]),
    Measurement("A request of a small value as JSON and its answer", "jsoncall", 0, OUR_SIDE + ["grpc"]),
    Measurement("64 requests of 64 B under way at once", "inflight", 64, OUR_SIDE + ["grpc"]),
    Measurement("64 B one way, as events", "events", 64, OUR_SIDE),
    Measurement("An urgent event until it is handled, 64 MiB queued: p99", "urgent", 64, OUR_SIDE),
    Measurement("1 KiB to 1,000 spokes of a hub, as events", "callcast", 1000, OUR_SIDE),
]


@dataclass
class Target:
    """A ratio between two results of one repetition. `bound` is the most of it, or the least where more is better."""

    title: str
    measurement: tuple
    ours: str
    peer: str
    bound: float
    is_most: bool
    what: str | None = None
    #: What the peer's result is, where that is not plain from its name.
    beside: str | None = None
    placements: tuple = tuple(PLACEMENTS)

    def is_met(self, ratio):
        return ratio <= self.bound if self.is_most else ratio >= self.bound

    def miss(self, ratio):
        """By how much it is missed, as a part of the bound."""
        return ratio / self.bound - 1 if self.is_most else 1 - ratio / self.bound

    @property
    def sign(self):
        return "≤" if self.is_most else "≥"


def most(title, measurement, ours, peer, bound, **more):
    return Target(title, measurement, ours, peer, bound, True, **more)


def least(title, measurement, ours, peer, bound, **more):
    return Target(title, measurement, ours, peer, bound, False, **more)


GRPC = "gRPC for Swift"
FIRST_LINE = "libdbus, reading the line first"

TARGETS = [
    most("64 B round trip, default executors", ("roundtrip", 64), OURS, "C epoll", 2.0),
    most("64 B round trip, on the loop", ("roundtrip", 64), LOOP, "C epoll", 1.25),
    most("64 B round trip, both spinning", ("spinning", 64), SPIN, "C spinning", 1.5),
    least("64 B one way, plain `postMessage`, default executors", ("oneway", 64), OURS, "ZeroMQ", 6),
    least("64 B one way, plain `postMessage`, default executors", ("oneway", 64), OURS, "C gathered", 0.5),
    least("64 B one way, plain `postMessage`, on the loop", ("oneway", 64), LOOP, "C gathered", 0.5),
    least("64 B one way, in bursts, default executors", ("burst", 64), OURS, "C gathered", 0.7),
    least("64 B one way, in bursts, on the loop", ("burst", 64), LOOP, "C gathered", 0.7),
    least("1 KiB one way, default executors", ("oneway", KIB), OURS, "C gathered", 0.75),
    least("1 KiB one way, on the loop", ("oneway", KIB), LOOP, "C gathered", 0.9),
    least("1 MiB, default executors", ("bulk", MIB), OURS, "C copy", 0.85),
    least("1 MiB, on the loop", ("bulk", MIB), LOOP, "C copy", 0.85),
    least("64 MiB, default executors", ("bulk", 64 * MIB), OURS, "C copy", 0.85),
    least("64 MiB, on the loop", ("bulk", 64 * MIB), LOOP, "C copy", 0.85),
    least("`SharedBuffer` passed again, 16 MiB", ("buffer", 16 * MIB), OURS, "C memfd resent", 0.8),
    most("JSON of a small value, there and back", ("json", 0), OURS, "Node fork, JSON", 1.0),
    most("`connectTo` to Welcome read, warm, default executors", ("connect", 0), OURS, FIRST_LINE, 1.5),
    most("`connectTo` to Welcome read, warm, on the loop", ("connect", 0), LOOP, FIRST_LINE, 1.25),
    most("`connectTo` to Welcome read, first contact", ("connect", 0), OURS, FIRST_LINE, 2.2, what="connect first"),
    least("Broadcast of 1 KiB to 1,000 ports", ("broadcast", 1000), LOOP, "C loop of sends", 0.7),
    most("Request of 64 B, default executors", ("roundtrip", 64), OURS, OURS, 1.3,
        what="request", beside="the plain port's"),
    most("Request of 64 B, on the loop", ("roundtrip", 64), LOOP, LOOP, 1.3, what="request", beside="the plain port's"),
    most("Request of 64 B, default executors", ("roundtrip", 64), OURS, "sd-bus peer to peer", 1, what="request"),
    most("Request of 64 B, on the loop", ("roundtrip", 64), LOOP, "sd-bus peer to peer", 1, what="request"),
    most("Request of 64 B, default executors", ("roundtrip", 64), OURS, "GDBus peer to peer", 1, what="request"),
    most("Request of a small value, default executors", ("json", 0), OURS, "Node fork, JSON", 1, what="jsoncall"),
    most("Request of a small value, on the loop", ("json", 0), LOOP, "Node fork, JSON", 1, what="jsoncall"),
    most("Request of a small value, default executors", ("jsoncall", 0), OURS, GRPC, 1),
    least("64 requests at once, default executors", ("inflight, one", 64), OURS, OURS, 3,
        what="inflight", beside="one at a time"),
    least("64 requests at once, on the loop", ("inflight, one", 64), LOOP, LOOP, 3,
        what="inflight", beside="one at a time"),
    least("64 requests at once, default executors", ("inflight", 64), OURS, GRPC, 3),
    least("Events of 64 B one way, default executors", ("oneway", 64), OURS, OURS, 0.5,
        what="events", beside="the plain port's"),
    least("Events of 64 B one way, on the loop", ("oneway", 64), LOOP, LOOP, 0.5,
        what="events", beside="the plain port's"),
    most("Urgent event while 64 MiB are queued, p99, default executors", ("urgent, idle", 64), OURS, OURS, 5,
        what="urgent", beside="an idle line's"),
    most("Urgent event while 64 MiB are queued, p99, on the loop", ("urgent, idle", 64), LOOP, LOOP, 5,
        what="urgent", beside="an idle line's"),
    least("Broadcast of 1 KiB to 1,000 spokes", ("broadcast", 1000), LOOP, LOOP, 0.9,
        what="callcast", beside="plain ports'"),
]
