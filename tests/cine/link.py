"""A link of a given rate and round trip, in virtual time: what the session's tests play over."""

import heapq
from collections import defaultdict
from itertools import count

from fastcine.cine.messages import Credit, Hello, Open, Want
from fastcine.cine.session import SendPieces, SendText, Session

RUN = 0x0123456789ABCDEF


class FakeCatalogue:
    """`sizes[tier]` bytes a frame; `ready` may be lowered."""

    def __init__(self, frames, sizes, ready=None):
        self.frames, self.sizes = frames, sizes
        self.counts = ready or (frames, frames, frames)

    def ready(self):
        return self.counts

    def frame_bytes(self, tier, frame):
        return self.sizes[tier]


class Play:
    """One session and its viewer over one link. `arrived[(tier, frame)]` is when a frame was whole at the viewer."""

    def __init__(self, catalogue, *, rate_bytes_per_s, round_trip_s, grant=1 << 40, known_round_trip_s=None):
        self.catalogue, self.rate, self.half = catalogue, rate_bytes_per_s, round_trip_s / 2
        self.now, self.free_at = 0.0, 0.0
        self.session = Session(0.0, round_trip_s=known_round_trip_s)
        self.grant, self.received = grant, 0
        self.events, self.order = [], count()
        self.arrived, self.sent_order, self.texts = {}, [], []
        self.got = defaultdict(int)
        self.most_in_flight = 0
        self.wire_by_tier = [0, 0, 0]

    def at(self, when, call):
        heapq.heappush(self.events, (when, next(self.order), call))

    def act(self, actions):
        for action in actions:
            if isinstance(action, SendPieces):
                self.sent_order.append((self.now, action))
                start = max(self.now, self.free_at)
                self.free_at = start + action.wire_bytes / self.rate
                self.most_in_flight = max(self.most_in_flight, self.session.pacer.in_flight_bytes)
                self.at(self.free_at + self.half, lambda a=action: self.arrive(a))
            elif isinstance(action, SendText):
                self.texts.append(action.body)

    def arrive(self, action):
        self.received += action.wire_bytes
        for part in action.parts:
            assert part.start_bytes == self.got[part.run, part.tier, part.frame]
            self.got[part.run, part.tier, part.frame] = part.end_bytes
            self.wire_by_tier[part.tier] += part.end_bytes - part.start_bytes
            if part.end_bytes == self.catalogue.frame_bytes(part.tier, part.frame):
                self.arrived[part.tier, part.frame] = self.now
        credit = Credit(self.received + self.grant, self.received)
        self.at(self.now + self.half, lambda: self.act(self.session.receive(credit, self.now)))

    def open(self, **want):
        self.act(self.session.receive(Hello(1, self.grant), self.now))
        self.session.receive(Open(RUN, want.pop("have", ()), want.pop("partial", ())), self.now)
        self.wish(**want)
        self.act(self.session.opened(RUN, self.catalogue, {}, complete=True, now=self.now))

    def wish(self, **want):
        self.act(self.session.receive(Want(RUN, **want), self.now))

    def run(self, until=1e9):
        while self.events and self.events[0][0] <= until:
            self.now, _, call = heapq.heappop(self.events)
            call()
        self.now = max(self.now, min(until, 1e9)) if until < 1e9 else self.now
