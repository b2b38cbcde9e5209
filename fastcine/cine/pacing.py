"""How much may be in flight, and how fast the link is: a pure object fed with bytes and times.

The estimate follows BBR's idea (Cardwell et al., ACM Queue 14(5), 2016): the delivery rate is the maximum of
recent samples, the round trip the minimum of recent ones, and about one bandwidth-delay product is kept in flight,
so that nothing queues in front of a seek. Times are seconds of one monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastcine.cine.wire import PIECE_BYTES

FIRST_WINDOW_BYTES = 32_768
"""In flight before anything came back: a little over TCP's initial window of ten segments (RFC 6928)."""
LEAST_WINDOW_BYTES = 24_576
"""Never less in flight: one whole piece and a half, or the link idles between acknowledgements."""
NEAR_S = 0.003
"""A connection of so short a round trip is a local network: ..."""
NEAR_LEAST_WINDOW_BYTES = 262_144
"""... never less is in flight there, however late a busy machine takes notice of what came back, ..."""
NEAR_NOTICE_S = 0.05
"""... nor less than what the link carries in this time, ..."""
NEAR_FIRST_WINDOW_BYTES = 131_072
"""... but before the first receipt, while the viewer still starts, no more than it can show until then, ..."""
NEAR_RATE_BYTES_PER_S = 62_500_000.0
"""... and from then on it is taken to be this fast at least (half a gigabit), ..."""
NEAR_PRESUMED_S = 1.0
"""... for so long: what is measured meanwhile is how a page starts, not the link. ..."""
NEAR_DOUBT_S = 0.4
"""... A receipt that takes so long, of what was sent after the first one, ends that."""
MOST_WINDOW_BYTES = 2_097_152
"""A viewer costs at most this much of the server's memory while it does not read."""
MESSAGE_BYTES = 65_536
"""A message at most, ..."""
MESSAGE_S = 0.004
"""... or what the link carries in this time, where that is more, ..."""
LARGE_MESSAGE_BYTES = 1_048_576
"""... up to this: on a fast link each message costs more than its bytes do."""
RATE_MEMORY_S = 2.5
ROUND_TRIP_MEMORY_S = 10.0
FULL_ROUNDS = 3
"""Rounds without growth after which the link is taken to be full (BBR's end of start-up)."""
QUEUED_GAIN = 1.25
"""A round trip so many times the shortest: what is sent queues already, the link is full."""
ACK_DELAY_S = 0.016
"""Acknowledgements come from a script with other work: this much is granted beside the round trip ..."""
SLOW_ACK_DELAY_S = 0.008
"""... where the link brings it work at `ACK_DELAY_BYTES_PER_S` or more, and so little where it brings none: what is
granted queues in front of a seek's answer."""
ACK_DELAY_BYTES_PER_S = 12_500_000


@dataclass(frozen=True, slots=True)
class _Flight:
    end_bytes: int
    sent_at: float
    delivered_bytes: int
    delivered_at: float
    delivered_sent_at: float
    """When that was sent which had been delivered last."""
    starved: bool


class Pacer:
    """Window and rate of one connection."""

    __slots__ = (
        "_delivered_at",
        "_delivered_sent_at",
        "_flights",
        "_full_rounds",
        "_limited_until_bytes",
        "_presumed_until",
        "_probe_until",
        "_rates",
        "_round_end_bytes",
        "_round_rate",
        "_round_trips",
        "_rounds",
        "granted_bytes",
        "near",
        "received_bytes",
        "sent_bytes",
        "window_bytes",
    )

    def __init__(self, now: float, round_trip_s: float | None = None) -> None:
        """`round_trip_s`: the connection's as its transport knows it, None where it does not."""
        self.near = round_trip_s is not None and round_trip_s < NEAR_S
        self.sent_bytes = 0
        self.received_bytes = 0
        self.granted_bytes = 0
        self.window_bytes = NEAR_FIRST_WINDOW_BYTES if self.near else FIRST_WINDOW_BYTES
        # Lists, all short: a deque is 600 bytes while it is empty, and there are thousands of viewers.
        self._flights: list[_Flight] = []
        self._rates: list[tuple[float, float]] = []  # (time, bytes/s), falling: the head is the maximum
        self._round_trips: list[tuple[float, float]] = []  # (time, s), rising: the head is the minimum
        self._delivered_at = self._delivered_sent_at = now
        self._limited_until_bytes = 0
        self._rounds = 0
        self._round_end_bytes = 0
        self._round_rate = 0.0
        self._full_rounds = 0
        self._presumed_until: float | None = None
        self._probe_until: float | None = None

    @property
    def in_flight_bytes(self) -> int:
        """Sent and not yet acknowledged."""
        return self.sent_bytes - self.received_bytes

    @property
    def rate_bytes_per_s(self) -> float | None:
        """The link's delivery rate; None until something came back. A near one's is presumed for a while."""
        measured = self._rates[0][1] if self._rates else None
        return max(NEAR_RATE_BYTES_PER_S, measured or 0.0) if self._presumed else measured

    @property
    def _presumed(self) -> bool:
        return self._presumed_until is not None and self._delivered_at < self._presumed_until

    def _least_window_bytes(self) -> int:
        if not self.near:
            return LEAST_WINDOW_BYTES
        if self._presumed:  # no more in advance than has come
            return NEAR_LEAST_WINDOW_BYTES + self.received_bytes
        return max(NEAR_LEAST_WINDOW_BYTES, int((self.rate_bytes_per_s or 0.0) * NEAR_NOTICE_S))

    @property
    def round_trip_s(self) -> float | None:
        """The shortest recent round trip; None until something came back."""
        return self._round_trips[0][1] if self._round_trips else None

    def room_bytes(self) -> int:
        """How much may be sent now: the window's and the credit's rest; at most 0 when either is used up."""
        return min(self.window_bytes - self.in_flight_bytes, self.granted_bytes - self.sent_bytes)

    @property
    def open(self) -> bool:
        """Whether a message may go now: one of some size, lest receipts of a few bytes beget messages of a few bytes.

        (RFC 1122 section 4.2.3.4, the silly window.) On a slow link any: a message is a piece there, and a window that
        waits for room for another one lets the link idle. So too where nothing is in flight: no receipt will come.
        """
        room, message = self.room_bytes(), self.message_bytes()
        return room >= message or (room > 0 and (message < 3 * PIECE_BYTES or not self.in_flight_bytes))

    def message_bytes(self) -> int:
        """A message at most now: 64 kB or 4 ms of the link's time; a quarter of the window, near a half."""
        quick = max(MESSAGE_BYTES, min(LARGE_MESSAGE_BYTES, int((self.rate_bytes_per_s or 0.0) * MESSAGE_S)))
        return min(quick, self.window_bytes // (2 if self.near else 4))

    def sent(self, count_bytes: int, now: float) -> None:
        """`count_bytes` were handed to the transport."""
        if not self._flights:
            self._delivered_at = self._delivered_sent_at = now
        self.sent_bytes += count_bytes
        starved = self.received_bytes <= self._limited_until_bytes
        before = (self.received_bytes, self._delivered_at, self._delivered_sent_at)
        self._flights.append(_Flight(self.sent_bytes, now, *before, starved))

    def starve(self) -> None:
        """There was room, and nothing to send: until what is in flight has come, rates measure us, not the link."""
        self._limited_until_bytes = self.sent_bytes

    def grant(self, granted_bytes: int) -> None:
        """The receiver allows this many bytes in all; grants never shrink."""
        self.granted_bytes = max(self.granted_bytes, granted_bytes)

    def acknowledge(self, received_bytes: int, now: float) -> None:
        """The receiver has this many bytes in all. Larger than what was sent is the caller's to refuse."""
        if received_bytes <= self.received_bytes:
            return
        self.received_bytes = received_bytes
        landed = 0
        while landed < len(self._flights) and self._flights[landed].end_bytes <= received_bytes:
            landed += 1
        if not landed:
            return
        flight = self._flights[landed - 1]
        del self._flights[:landed]
        trip = now - flight.sent_at
        if self.near:
            self._presume(trip, flight.sent_at, now)
        self._remember_round_trip(trip, now)
        if trip > QUEUED_GAIN * (self.round_trip_s or trip) + ACK_DELAY_S:
            self._full_rounds = FULL_ROUNDS
        # Receipts that come late and then together look like a fast link: nothing is delivered faster than it was sent.
        span = max(now - flight.delivered_at, flight.sent_at - flight.delivered_sent_at)
        if span > 0:
            rate = (received_bytes - flight.delivered_bytes) / span
            known = self._rates[0][1] if self._rates else None
            # A starved sample is a lower bound, it may only raise the estimate.
            if not flight.starved or known is None or rate > known:
                self._remember_rate(rate, now)
        self._delivered_at, self._delivered_sent_at = now, flight.sent_at
        if not self.in_flight_bytes:
            # The link ran dry before we went on: the window is too small, or we are too busy to answer in time.
            self._limited_until_bytes = self.sent_bytes
        self._count_round(flight.starved)
        self._resize()

    def _presume(self, trip_s: float, sent_at: float, now: float) -> None:
        """The first receipt begins what is presumed of a near connection, a late one of what was sent later ends it."""
        if self._presumed_until is None:
            self._presumed_until = now + NEAR_PRESUMED_S
        elif trip_s > NEAR_DOUBT_S and sent_at > self._presumed_until - NEAR_PRESUMED_S:
            self._presumed_until = min(self._presumed_until, now)

    def _remember_round_trip(self, value: float, now: float) -> None:
        trips = self._round_trips
        while trips and trips[-1][1] >= value:
            trips.pop()
        # One heir a second is enough: there are thousands of viewers.
        if not trips or now - trips[-1][0] >= ROUND_TRIP_MEMORY_S / 10:
            trips.append((now, value))
        if now - trips[0][0] > ROUND_TRIP_MEMORY_S and self._probe_until is None:
            # The minimum is old: whatever queue we built since hides in newer samples. Let it drain and look again.
            self._probe_until = now + 2 * trips[0][1]
        if self._probe_until is not None and now >= self._probe_until:
            self._probe_until = None
            while len(trips) > 1 and now - trips[0][0] > ROUND_TRIP_MEMORY_S:
                del trips[0]

    def _remember_rate(self, value: float, now: float) -> None:
        rates = self._rates
        while rates and rates[-1][1] <= value:
            rates.pop()
        if not rates or now - rates[-1][0] >= RATE_MEMORY_S / 10:
            rates.append((now, value))
        while len(rates) > 1 and now - rates[0][0] > RATE_MEMORY_S:
            del rates[0]

    def _count_round(self, starved: bool) -> None:
        """Once a round trip: has the rate stopped growing? (BBR's end of start-up: three rounds below +25 %.)"""
        if self.received_bytes < self._round_end_bytes:
            return
        self._rounds += 1
        self._round_end_bytes = self.sent_bytes
        rate = self._rates[0][1] if self._rates else 0.0
        if rate > 1.25 * self._round_rate:
            self._round_rate, self._full_rounds = rate, 0
        elif not starved:
            self._full_rounds += 1

    def _gain(self) -> float:
        if self._probe_until is not None:
            return 0.5
        if self._full_rounds < FULL_ROUNDS:
            return 2.0
        # One round in eight asks whether the link has more; what that queued drains by itself under the smaller window.
        return 1.25 if self._rounds % 8 == 0 else 1.0

    def _resize(self) -> None:
        if not self._rates or not self._round_trips:
            return
        rate, trip = self._rates[0][1], self._round_trips[0][1]
        # While the rate is still found out it is a lower bound: half the allowance, but no less than was open before.
        starting = self._full_rounds < FULL_ROUNDS
        granted = SLOW_ACK_DELAY_S + (ACK_DELAY_S - SLOW_ACK_DELAY_S) * min(1.0, rate / ACK_DELAY_BYTES_PER_S)
        product = rate * (trip + (granted / 2 if starting else granted))
        least = max(self._least_window_bytes(), self.window_bytes if starting else 0)
        self.window_bytes = int(min(MOST_WINDOW_BYTES, max(least, self._gain() * product)))
