"""Which bits of a run next: play order, tiers, what was sent. Pure.

One `RunPlan` stands for one open run of one viewer. It knows how many frames of each tier are ready, how far each
was sent, and the newest wish; it answers with the next (tier, frame) worth sending and the class of its urgency.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple, Protocol

from fastcine.cine.messages import Loop, Want, Wish
from fastcine.cine.play_order import play_order, shared_play_order
from fastcine.cine.wire import HEADER_BYTES, PIECE_BYTES, TIERS, Tier, wire_bytes

WHOLE = 0xFFFF_FFFF
"""Sent-marker of a frame that the viewer holds whole; frame_bytes stays far below it."""
REAL_TIME_MARGIN = 1.4
"""The exact tier replaces the first pass when the link is this much faster than playing needs."""
FINE_MARGIN = 1.25
"""The finer first pass is chosen when the link is this much faster than playing it needs."""
UPGRADE_WAIT_S = 4.0
"""Frames held coarse get the finer first pass only when the exact tier would take longer than this."""
UPGRADE_SHARE = 0.12
"""... and only when it is so small a share of it: of an echo it is a quarter, and exact frames come sooner without."""
_FIRST_PASS, _EXACT = 0, 1
_ALL_PIECES = 0xFFFF
"""Frames have at most MAX_FRAME_BYTES / PIECE_BYTES = 16384."""


LEAST_PART_BYTES = HEADER_BYTES + PIECE_BYTES // 8
"""A message with less room than this is sent as it is."""


class Urgency(IntEnum):
    """Classes of what is sent, the most urgent first (docs/protocol.md, section 5)."""

    ON_SCREEN = 0
    FIRST_PASS = 1
    EXACT = 2
    PREFETCH = 3


class Catalogue(Protocol):
    """What the cache holds of a run."""

    @property
    def frames(self) -> int:
        """Number of frames."""

    def ready(self) -> tuple[int, int, int]:
        """Frames ready in each tier, counted from frame 0."""

    def frame_bytes(self, tier: int, frame: int) -> int:
        """Length of a ready frame's bitstream."""


class Slot(NamedTuple):
    """A frame of a tier worth sending next."""

    tier: Tier
    frame: int
    urgency: Urgency


class Part(NamedTuple):
    """Whole pieces of one frame: payload bytes `start_bytes` to `end_bytes` of its bitstream."""

    run: int
    tier: int
    frame: int
    start_bytes: int
    end_bytes: int


@lru_cache(256)
def _none_sent(frames: int) -> array[int]:
    """Pieces sent of each frame (offsets are always those of whole pieces): none. Nobody writes to it."""
    return array("H", bytes(2 * frames))


class RunPlan:
    """Sent-state and wish of one run."""

    __slots__ = ("_blocked", "_catalogue", "_exact_mean_bytes", "_left", "_order", "_passed", "_sent", "_want_at",
                 "_written", "dropped", "run", "served_bytes", "want")  # fmt: skip

    def __init__(self, run: int, catalogue: Catalogue) -> None:
        self.run = run
        self.want: Want | None = None
        self.served_bytes = 0
        self.dropped = 0
        """Frames that play came to with nothing of them sent."""
        self._blocked: frozenset[tuple[int, int]] = frozenset()
        self._catalogue = catalogue
        self._want_at = 0.0
        self._order: tuple[int, ...] = ()
        self._passed = [(0, 0), (0, 0)]
        # Shared until something of the tier is sent: most viewers never get one of the three.
        self._sent = [_none_sent(catalogue.frames)] * len(TIERS)
        self._written = 0  # a bit for each tier
        self._left = [catalogue.frames for _ in TIERS]
        self._exact_mean_bytes: tuple[int, float] = (0, 0.0)

    def frame_bytes(self, tier: int, frame: int) -> int:
        """Length of a ready frame's bitstream."""
        return self._catalogue.frame_bytes(tier, frame)

    def ready(self) -> tuple[int, int, int]:
        """Frames ready in each tier."""
        return self._catalogue.ready()

    def _sent_of(self, tier: int) -> array[int]:
        """A tier's, to be written to."""
        if not self._written >> tier & 1:
            self._written |= 1 << tier
            self._sent[tier] = self._sent[tier][:]
        return self._sent[tier]

    def offset_bytes(self, tier: int, frame: int) -> int:
        """How far a frame was sent; `WHOLE` when all of it was."""
        pieces = self._sent[tier][frame]
        return WHOLE if pieces == _ALL_PIECES else pieces * PIECE_BYTES

    def holds(self, tier: int, frame: int) -> bool:
        """Whether the viewer has that frame whole, as far as we know."""
        return frame < self._catalogue.frames and self._sent[tier][frame] == _ALL_PIECES

    def hold(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """The viewer says that it holds these frames whole, as (tier, first, last)."""
        reached = [0 for _ in TIERS]
        # Sorted, so that rows that overlap (nobody needs them) cost no more than the run has frames.
        for tier, first, last in sorted(rows):
            end = min(last + 1, self._catalogue.frames)
            for frame in range(max(first, reached[tier]), end):
                self._mark_whole(tier, frame)
            reached[tier] = max(reached[tier], end)

    def hold_part(self, tier: int, frame: int, offset_bytes: int) -> None:
        """The viewer says that it holds the start of a frame."""
        if frame < self._catalogue.frames and self._sent[tier][frame] != _ALL_PIECES:
            self._sent_of(tier)[frame] = min(offset_bytes // PIECE_BYTES, _ALL_PIECES - 1)

    def advance(self, tier: int, frame: int, offset_bytes: int, served_bytes: int) -> None:
        """A frame was sent up to `offset_bytes`; `served_bytes` counts its headers too."""
        self.served_bytes += served_bytes
        if offset_bytes >= self._catalogue.frame_bytes(tier, frame):
            self._mark_whole(tier, frame)
        else:
            self._sent_of(tier)[frame] = offset_bytes // PIECE_BYTES
            self._look_from_start()

    def block(self, tier: int, frame: int) -> None:
        """A frame arrived damaged: it is sent again from its start, once it was made anew (`unblock`)."""
        self._blocked |= {(tier, frame)}
        self.forget(tier, frame)

    def unblock(self, tier: int, frame: int) -> None:
        """It was."""
        self._blocked -= {(tier, frame)}

    def forget(self, tier: int, frame: int) -> None:
        """A frame is sent again from its start (it arrived damaged, or was lost)."""
        if frame < self._catalogue.frames:
            self._left[tier] += self._sent[tier][frame] == _ALL_PIECES
            self._sent_of(tier)[frame] = 0
            self._look_from_start()

    def wish(self, want: Want, now: float) -> None:
        """Replace the wish."""
        self.dropped += self._passed_over(want, now)
        self.want = want
        self._want_at = now
        order = shared_play_order if want.frame == 0 else play_order
        self._order = tuple(order(self._catalogue.frames, want))
        self._look_from_start()

    def _passed_over(self, want: Want, now: float) -> int:
        """Frames that play has passed since the wish before, without anything of them sent: the link was too slow."""
        before = self.want
        if before is None or (before.state, want.state, before.loop) != (Wish.PLAY, Wish.PLAY, want.loop):
            return 0
        here = min(max(want.frame, 0), self._catalogue.frames - 1)
        passed = self._order.index(here)
        # Farther than play can have come is a seek: what lies between was not missed.
        if passed > (now - self._want_at) * abs(before.rate_fps) + 2:
            return 0
        return sum(self._untouched(frame) for frame in self._order[:passed])

    def _look_from_start(self) -> None:
        self._passed[:] = ((0, 0), (0, 0))

    def _mark_whole(self, tier: int, frame: int) -> None:
        if self._sent[tier][frame] != _ALL_PIECES:
            self._sent_of(tier)[frame] = _ALL_PIECES
            self._left[tier] -= 1

    def _lead(self, now: float) -> int:
        """Frames that the playhead has moved on in the play order since the wish."""
        if self.want is None or self.want.state is not Wish.PLAY:
            return 0
        steps = int((now - self._want_at) * abs(self.want.rate_fps))
        span = len(self._order)
        return steps % span if self.want.loop is Loop.LOOP else min(steps, span - 1)

    def _from_playhead(self, now: float, kind: int | None = None) -> Iterator[int]:
        """Frames in the order of play from the playhead; of a `kind` without those that `_pass` has put behind."""
        lead = self._lead(now)
        order = self._order
        if kind is None:
            yield from order[lead:]
            yield from order[:lead]
            return
        before, passed = self._passed[kind]
        # The playhead moves on: what was behind it at the start of the order comes at its end again.
        passed = passed - (lead - before) if before <= lead < before + passed else passed if lead == before else 0
        self._passed[kind] = (lead, passed)
        span = len(order)
        for place in range(lead + passed, lead + span):
            yield order[place % span]

    def _pass(self, kind: int, frame: int) -> None:
        """A frame just offered for a kind needs no further look, if all offered before it were passed too."""
        lead, passed = self._passed[kind]
        order = self._order
        if passed < len(order) and order[(lead + passed) % len(order)] == frame:
            self._passed[kind] = (lead, passed + 1)

    def _untouched(self, frame: int) -> bool:
        return not (self._sent[0][frame] or self._sent[1][frame] or self._sent[2][frame])

    def _sendable(self, tier: int, frame: int, ready: tuple[int, int, int]) -> bool:
        return frame < ready[tier] and self._sent[tier][frame] != _ALL_PIECES and (tier, frame) not in self._blocked

    def exact_in_real_time(self, rate_bytes_per_s: float | None) -> bool:
        """Whether the link carries the exact tier as fast as it is played (False while the rate is unknown)."""
        want = self.want
        if rate_bytes_per_s is None or want is None or want.max_tier < Tier.EXACT or want.state is not Wish.PLAY:
            return False
        mean = self._mean_exact_bytes()
        return mean > 0 and rate_bytes_per_s >= REAL_TIME_MARGIN * mean * max(abs(want.rate_fps), 1.0)

    def _mean_exact_bytes(self) -> float:
        ready = self._catalogue.ready()[Tier.EXACT]
        counted, mean = self._exact_mean_bytes
        if ready and (not counted or ready >= 2 * counted):
            step = max(1, ready // 8)
            sample = [self._catalogue.frame_bytes(Tier.EXACT, frame) for frame in range(0, ready, step)]
            mean = sum(sample) / len(sample)
            self._exact_mean_bytes = (ready, mean)
        return mean

    def next_slot(self, now: float, rate_bytes_per_s: float | None) -> Slot | None:
        """The next frame and tier worth sending, or None when the wish is fulfilled as far as frames are ready."""
        slot = self._choose(now, rate_bytes_per_s)
        while slot is not None and self._said_to_end(slot):
            self._mark_whole(slot.tier, slot.frame)
            slot = self._choose(now, rate_bytes_per_s)
        return slot

    def _said_to_end(self, slot: Slot) -> bool:
        """The viewer's `partial` was all of the frame, or more: there is nothing to send."""
        offset = self.offset_bytes(slot.tier, slot.frame)
        return offset > 0 and offset >= self._catalogue.frame_bytes(slot.tier, slot.frame)

    def _choose(self, now: float, rate_bytes_per_s: float | None) -> Slot | None:
        want = self.want
        if want is None or want.state is Wish.HIDDEN or not any(self._left):
            return None
        ready = self._catalogue.ready()
        first_pass = self._first_pass_tier(want, rate_bytes_per_s, ready)
        here = min(want.frame, self._catalogue.frames - 1)
        if want.state is Wish.PREFETCH:
            slot = self._next_first_pass(first_pass, now, ready)
            return None if slot is None else Slot(slot.tier, slot.frame, Urgency.PREFETCH)
        if self._untouched(here):
            tier = Tier.COARSE if ready[Tier.COARSE] > here else first_pass
            if self._sendable(tier, here, ready):
                return Slot(tier, here, Urgency.ON_SCREEN)
        if want.state is Wish.PAUSE and want.max_tier >= Tier.EXACT and self._sendable(Tier.EXACT, here, ready):
            return Slot(Tier.EXACT, here, Urgency.FIRST_PASS)
        if not self.exact_in_real_time(rate_bytes_per_s):
            slot = self._next_first_pass(first_pass, now, ready)
            if slot is not None:
                return slot
        slot = self._next_upgrade(want, now, rate_bytes_per_s)
        if slot is None and want.max_tier >= Tier.EXACT:
            slot = self._next_exact(now, ready)
        return slot

    def _first_pass_tier(self, want: Want, rate: float | None, ready: tuple[int, int, int]) -> Tier:
        if want.max_tier == Tier.COARSE or rate is None:
            return Tier.COARSE
        sample = min(want.frame, ready[Tier.FINE] - 1)
        if sample < 0:
            return Tier.COARSE
        needed = self._catalogue.frame_bytes(Tier.FINE, sample) * max(abs(want.rate_fps), 10.0)
        return Tier.FINE if rate >= FINE_MARGIN * needed else Tier.COARSE

    def _next_first_pass(self, tier: Tier, now: float, ready: tuple[int, int, int]) -> Slot | None:
        if not (self._left[Tier.EXACT] and (self._left[Tier.COARSE] or self._left[Tier.FINE])):
            return None
        coarse, fine, exact = self._sent
        for frame in self._from_playhead(now, _FIRST_PASS):
            held = exact[frame] == _ALL_PIECES or fine[frame] == _ALL_PIECES
            if held or (coarse[frame] == _ALL_PIECES and not fine[frame]):
                self._pass(_FIRST_PASS, frame)
                continue
            # A frame that was begun in one tier goes on in it.
            chosen = Tier.FINE if fine[frame] else Tier.COARSE if coarse[frame] else tier
            if self._sendable(chosen, frame, ready):
                return Slot(chosen, frame, Urgency.FIRST_PASS)
        return None

    def _next_upgrade(self, want: Want, now: float, rate_bytes_per_s: float | None) -> Slot | None:
        """A frame held only coarse whose finer first pass pays, since its exact tier is far off."""
        if want.max_tier < Tier.FINE or rate_bytes_per_s is None or not self._left[Tier.FINE]:
            return None
        ready, exact_bytes = self._catalogue.ready(), self._mean_exact_bytes()
        if want.max_tier >= Tier.EXACT and exact_bytes and ready[Tier.FINE]:
            soon = exact_bytes * self._left[Tier.EXACT] <= UPGRADE_WAIT_S * rate_bytes_per_s
            if soon or self._catalogue.frame_bytes(Tier.FINE, 0) > UPGRADE_SHARE * exact_bytes:
                return None
        coarse, fine, exact = self._sent
        for frame in self._from_playhead(now):
            begun = coarse[frame] == _ALL_PIECES or fine[frame]
            if begun and not exact[frame] and self._sendable(Tier.FINE, frame, ready):
                return Slot(Tier.FINE, frame, Urgency.EXACT)
        return None

    def _next_exact(self, now: float, ready: tuple[int, int, int]) -> Slot | None:
        if not self._left[Tier.EXACT]:
            return None
        exact = self._sent[Tier.EXACT]
        for frame in self._from_playhead(now, _EXACT):
            if exact[frame] == _ALL_PIECES:
                self._pass(_EXACT, frame)
            elif self._sendable(Tier.EXACT, frame, ready):
                return Slot(Tier.EXACT, frame, Urgency.EXACT)
        return None

    def take_exact(self, now: float, budget_bytes: int) -> tuple[list[Part], int]:
        """What `next_slot` would offer of the exact tier one after the other, as far as it fits; it counts as sent.

        At the same time and rate nothing comes before the exact tier once nothing did: so a message's whole content is
        found in one walk, which is what a fast stream spends its time on. The parts, and their bytes on the wire.
        """
        sent, ready, run = self._sent_of(Tier.EXACT), self._catalogue.ready()[Tier.EXACT], self.run
        frame_bytes, blocked = self._catalogue.frame_bytes, self._blocked
        parts: list[Part] = []
        left = budget_bytes
        for frame in self._from_playhead(now, _EXACT):
            if sent[frame] == _ALL_PIECES:
                self._pass(_EXACT, frame)
                continue
            if frame >= ready or (blocked and (Tier.EXACT, frame) in blocked):
                continue
            start, end = sent[frame] * PIECE_BYTES, frame_bytes(Tier.EXACT, frame)
            if start >= end > 0:  # held to the end or beyond, says the viewer
                self._mark_whole(Tier.EXACT, frame)
                continue
            count = wire_bytes(end - start)
            if count > left:
                pieces = max(left // (HEADER_BYTES + PIECE_BYTES), 0 if parts else 1)
                if not pieces:
                    break
                cut = min(end, start + pieces * PIECE_BYTES)
                count = wire_bytes(cut - start)
                if cut < end:
                    parts.append(Part(run, Tier.EXACT, frame, start, cut))
                    sent[frame] = cut // PIECE_BYTES
                    left -= count
                    break
            parts.append(Part(run, Tier.EXACT, frame, start, end))
            sent[frame] = _ALL_PIECES
            self._left[Tier.EXACT] -= 1
            self._pass(_EXACT, frame)
            left -= count
            if left < LEAST_PART_BYTES:
                break
        self.served_bytes += budget_bytes - left
        return parts, budget_bytes - left
