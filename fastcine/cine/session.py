"""The stream session: one viewer's half of `fastcine.v1`, sans I/O.

Law: a message arrives with its time, actions go out that name pieces; the session never sees a socket, a file or
a clock of its own. Which message is allowed when is the table `ALLOWED`; a pair that is not in it is the peer's
error. Which bits next is plan.py's, how many pacing.py's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from fastcine.cine import messages
from fastcine.cine.messages import ClientMessage, CloseRun, Credit, Damaged, Hello, Open, Ping, Want
from fastcine.cine.pacing import MESSAGE_BYTES, Pacer
from fastcine.cine.plan import LEAST_PART_BYTES, Catalogue, Part, RunPlan, Slot, Urgency
from fastcine.cine.wire import HEADER_BYTES, PIECE_BYTES, Tier, wire_bytes
from fastcine.errors import PeerError

HELLO_WAIT_S = 10.0
SILENCE_S = 60.0
MOST_RUNS = 64
"""Runs open at once in one session: nine on screen and their neighbours are far fewer."""


class State(Enum):
    """Of the session as a whole."""

    CONNECTED = auto()
    GREETED = auto()
    CLOSED = auto()


ALLOWED: Mapping[tuple[State, type], State] = {
    (State.CONNECTED, Hello): State.GREETED,
    (State.GREETED, Open): State.GREETED,
    (State.GREETED, Want): State.GREETED,
    (State.GREETED, Credit): State.GREETED,
    (State.GREETED, Damaged): State.GREETED,
    (State.GREETED, CloseRun): State.GREETED,
    (State.GREETED, Ping): State.GREETED,
}


@dataclass(frozen=True, slots=True)
class SendText:
    """Send this control message."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SendPieces:
    """Send these parts as one binary message of `wire_bytes` bytes."""

    parts: tuple[Part, ...]
    wire_bytes: int


@dataclass(frozen=True, slots=True)
class FindRun:
    """Look the run up, then call `opened` or `failed`."""

    run: int


@dataclass(frozen=True, slots=True)
class DropRun:
    """The viewer no longer needs the run."""

    run: int


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Make this frame anew from the object, then call `rebuilt`."""

    run: int
    tier: int
    frame: int


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection with this code."""

    code: int
    reason: str


Action = SendText | SendPieces | FindRun | DropRun | Rebuild | Close


class Session:
    """One viewer. `receive`, `opened`, `available`, `tick` answer with actions in the order to carry them out."""

    __slots__ = ("_heard_at", "_pending", "_plans", "_server", "_wishes", "pacer", "state")

    def __init__(self, now: float, *, server: str = "fastcine", round_trip_s: float | None = None) -> None:
        self.state = State.CONNECTED
        self.pacer = Pacer(now, round_trip_s)
        self._server = server
        self._heard_at = now
        self._plans: dict[int, RunPlan] = {}
        self._pending: dict[int, Open] = {}
        self._wishes: dict[int, Want] = {}

    @property
    def wake_at(self) -> float:
        """When `tick` is due at the latest."""
        return self._heard_at + (HELLO_WAIT_S if self.state is State.CONNECTED else SILENCE_S)

    @property
    def frames_dropped(self) -> int:
        """Frames of the open runs that play came to with nothing of them sent: a slow viewer's."""
        return sum(plan.dropped for plan in self._plans.values())

    @property
    def runs(self) -> tuple[int, ...]:
        """Wire ids of the open runs."""
        return tuple(self._plans)

    def receive(self, message: ClientMessage, now: float) -> list[Action]:
        """A message came. Raises PeerError when it is not allowed now or contradicts what was sent."""
        state = ALLOWED.get((self.state, type(message)))
        if state is None:
            raise PeerError(f"{type(message).__name__} is not allowed in state {self.state.name}")
        self.state = state
        self._heard_at = now
        match message:
            case Hello():
                self.pacer.grant(message.granted_bytes)
                return [SendText(messages.welcome(self._server))]
            case Open():
                return self._open(message)
            case Want():
                return self._want(message, now)
            case Credit():
                return self._credit(message, now)
            case Damaged():
                return self._damaged(message, now)
            case CloseRun():
                return self._close_run(message.run)
            case Ping():
                return [SendText(messages.pong(message.t))]

    def _open(self, message: Open) -> list[Action]:
        if message.run in self._plans or message.run in self._pending:
            raise PeerError("the run is open already")
        if len(self._plans) + len(self._pending) >= MOST_RUNS:
            raise PeerError(f"more than {MOST_RUNS} runs open")
        self._pending[message.run] = message
        return [FindRun(message.run)]

    def opened(
        self, run: int, catalogue: Catalogue, description: Mapping[str, Any], *, complete: bool, now: float
    ) -> list[Action]:
        """The run was found; its catalogue must stay usable until `DropRun`."""
        request, wish = self._settle(run)
        if request is None:
            return [DropRun(run)]
        plan = RunPlan(run, catalogue)
        plan.hold(request.have)
        for tier, frame, offset_bytes in request.partial:
            plan.hold_part(tier, frame, offset_bytes - offset_bytes % PIECE_BYTES)
        # It shares the link from now on; what others had before is not owed to it.
        shares = [other.served_bytes / other.want.weight for other in self._plans.values() if other.want is not None]
        plan.served_bytes = int(min(shares, default=0.0) * (wish.weight if wish is not None else 1.0))
        self._plans[run] = plan
        if wish is not None:
            plan.wish(self._what_now(wish, plan), now)
        answer = SendText(messages.run_opened(run, description, catalogue.ready(), complete))
        return [answer, *self._fill(now)]

    def failed(self, run: int, code: str, reason: str) -> list[Action]:
        """The run cannot be played."""
        self._settle(run)
        return [SendText(messages.error(code, reason, run))]

    def _settle(self, run: int) -> tuple[Open | None, Want | None]:
        """What was asked of a run while it was looked up, which ends here."""
        request, wish = self._pending.pop(run, None), self._wishes.pop(run, None)
        # A dict keeps its size when it is emptied, and there are thousands of sessions.
        self._pending, self._wishes = self._pending or {}, self._wishes or {}
        return request, wish

    def available(self, run: int, *, complete: bool, now: float) -> list[Action]:
        """The run's cache has grown."""
        plan = self._plans.get(run)
        if plan is None:
            return []
        return [SendText(messages.progress(run, plan.ready(), complete)), *self._fill(now)]

    def rebuilt(self, run: int, tier: int, frame: int, now: float) -> list[Action]:
        """A damaged frame was made anew: it may be sent again."""
        plan = self._plans.get(run)
        if plan is None:
            return []
        plan.unblock(tier, frame)
        return list(self._fill(now))

    def tick(self, now: float) -> list[Action]:
        """Time has passed: what is due now."""
        if self.state is State.CLOSED:
            return []
        if now >= self.wake_at:
            self.state = State.CLOSED
            return [Close(4408, "no message for too long")]
        return list(self._fill(now))

    def _want(self, want: Want, now: float) -> list[Action]:
        plan = self._plans.get(want.run)
        if plan is not None:
            plan.wish(self._what_now(want, plan), now)
            return list(self._fill(now))
        if want.run in self._pending:
            self._wishes[want.run] = want
        # A wish may cross the `error` that says its run cannot be played: it is no fault.
        return []

    def _what_now(self, want: Want, plan: RunPlan) -> Want:
        """Near, a starting viewer's cores are scarce, not the link: what it can decode later is there at once then."""
        if want.starting and self.pacer.near and plan.ready()[Tier.COARSE]:
            return replace(want, max_tier=Tier.COARSE)
        return want

    def _holds_back(self) -> bool:
        return self.pacer.near and any(plan.want is not None and plan.want.starting for plan in self._plans.values())

    def _credit(self, credit: Credit, now: float) -> list[Action]:
        if credit.received_bytes > self.pacer.sent_bytes:
            raise PeerError("more received than was sent")
        self.pacer.grant(credit.granted_bytes)
        self.pacer.acknowledge(credit.received_bytes, now)
        return list(self._fill(now))

    def _damaged(self, message: Damaged, now: float) -> list[Action]:
        plan = self._plans.get(message.run)
        if plan is None:
            return []
        if not plan.holds(message.tier, message.frame):
            raise PeerError("a frame was called damaged that was not sent whole")
        if message.frame >= plan.ready()[message.tier]:
            # Held since before the cache was lost: it is being made anew as it is, and comes when it is there.
            plan.forget(message.tier, message.frame)
            return []
        if message.lost:
            plan.forget(message.tier, message.frame)
            return list(self._fill(now))
        plan.block(message.tier, message.frame)
        return [Rebuild(message.run, message.tier, message.frame)]

    def _close_run(self, run: int) -> list[Action]:
        self._settle(run)
        self._plans.pop(run, None)
        return [DropRun(run)]

    def _best(self, now: float) -> tuple[RunPlan, Slot] | None:
        """The most urgent slot of all runs; among equals the run that had least for its weight."""
        rate = self.pacer.rate_bytes_per_s
        best: tuple[tuple[int, float], RunPlan, Slot] | None = None
        for plan in self._plans.values():
            slot = plan.next_slot(now, rate)
            if slot is None or plan.want is None or (slot.urgency is Urgency.PREFETCH and self._holds_back()):
                continue
            key = (int(slot.urgency), plan.served_bytes / plan.want.weight)
            if best is None or key < best[0]:
                best = (key, plan, slot)
        return None if best is None else (best[1], best[2])

    def _fill(self, now: float) -> Iterator[Action]:
        """Messages until the window, the credit or the wishes are used up."""
        if self.state is not State.GREETED:
            return
        while self.pacer.open:
            choice = self._best(now)
            if choice is None:
                self.pacer.starve()
                return
            yield self._message(*choice, now)

    def _message(self, plan: RunPlan, slot: Slot, now: float) -> SendPieces:
        """As many whole pieces as fit a message: of this slot, then of the next of the same urgency."""
        budget = min(self.pacer.message_bytes(), self.pacer.room_bytes())
        if slot.tier is Tier.EXACT and slot.urgency is Urgency.EXACT:
            parts, used = plan.take_exact(now, budget)
        else:
            # A first pass is of use frame by frame.
            parts, used = self._gather(plan, slot, min(budget, MESSAGE_BYTES), now)
        self.pacer.sent(used, now)
        return SendPieces(tuple(parts), used)

    def _gather(self, plan: RunPlan, slot: Slot, budget: int, now: float) -> tuple[list[Part], int]:
        alone = slot.urgency is Urgency.ON_SCREEN
        parts: list[Part] = []
        used = 0
        following: Slot | None = slot
        while following is not None and following.urgency == slot.urgency:
            part = self._part(plan, following, budget - used, at_least_one=not parts)
            if part is None:
                break
            parts.append(part)
            count = wire_bytes(part.end_bytes - part.start_bytes)
            used += count
            plan.advance(part.tier, part.frame, part.end_bytes, count)
            if alone or used + LEAST_PART_BYTES > budget:
                break
            following = plan.next_slot(now, self.pacer.rate_bytes_per_s)
        return parts, used

    @staticmethod
    def _part(plan: RunPlan, slot: Slot, budget_bytes: int, *, at_least_one: bool) -> Part | None:
        start = plan.offset_bytes(slot.tier, slot.frame)
        total = plan.frame_bytes(slot.tier, slot.frame)
        rest = total - start
        if slot.urgency is Urgency.ON_SCREEN or wire_bytes(rest) <= budget_bytes:
            return Part(plan.run, slot.tier, slot.frame, start, total)
        pieces = max(budget_bytes // (HEADER_BYTES + PIECE_BYTES), 1 if at_least_one else 0)
        if pieces == 0:
            return None
        return Part(plan.run, slot.tier, slot.frame, start, min(total, start + pieces * PIECE_BYTES))
