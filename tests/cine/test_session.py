"""The session over virtual links: order, pacing, seeks, resume, damage, the peer's errors."""

import time

import pytest

from fastcine.cine.messages import Credit, Damaged, Hello, Open, Ping, Want, Wish
from fastcine.cine.plan import RunPlan
from fastcine.cine.session import Close, FindRun, Rebuild, SendText, Session
from fastcine.cine.wire import wire_bytes
from fastcine.errors import PeerError

from .link import RUN, FakeCatalogue, Play

XA512 = (2_000, 5_500, 135_000)
PERIOD_S = 1 / 15


def playing(rate_mbit, round_trip_ms, *, frames=60, sizes=XA512, near=False, **want):
    play = Play(
        FakeCatalogue(frames, sizes),
        rate_bytes_per_s=rate_mbit * 125_000,
        round_trip_s=round_trip_ms / 1000,
        known_round_trip_s=0.001 if near else None,
    )
    play.open(**{"state": Wish.PLAY, "frame": 0, "rate_fps": 15.0, **want})
    return play


def first_held(play, frame):
    return min(at for (tier, f), at in play.arrived.items() if f == frame)


@pytest.mark.parametrize(("rate", "trip"), [(1, 200), (2, 120), (8, 80), (20, 40), (100, 20), (4000, 1)])
def test_plays_without_a_stall_and_ends_exact(rate, trip):
    play = playing(rate, trip)
    play.run()
    first = first_held(play, 0)
    assert first <= trip / 2000 + XA512[0] / (rate * 125_000) + 0.005
    late = [f for f in range(60) if first_held(play, f) > first + f * PERIOD_S + 1e-9]
    assert late == []
    assert all((2, frame) in play.arrived for frame in range(60))


@pytest.mark.parametrize(("rate", "trip"), [(8, 80), (20, 40), (100, 20)])
def test_all_exact_soon_after_the_bytes_alone_would_take(rate, trip):
    play = playing(rate, trip)
    play.run()
    alone = 60 * XA512[2] / (rate * 125_000)
    assert max(at for (tier, _), at in play.arrived.items() if tier == 2) <= 1.15 * alone + trip / 1000


def test_first_message_is_one_coarse_frame_alone():
    play = playing(8, 80)
    first = play.sent_order[0][1]
    assert [(part.tier, part.frame) for part in first.parts] == [(0, 0)]
    assert first.wire_bytes == wire_bytes(XA512[0])


def test_in_flight_stays_near_the_bandwidth_delay_product():
    play = playing(8, 80)
    play.run(until=3.0)
    play.most_in_flight = 0
    play.run(until=8.0)
    product = 1_000_000 * 0.080
    assert play.most_in_flight <= 2.0 * product


def test_fast_link_skips_the_first_pass():
    play = playing(1000, 1)
    play.run()
    assert play.wire_by_tier[1] <= 3 * XA512[1]
    assert play.wire_by_tier[0] < 30 * XA512[0]


def test_near_a_starting_viewer_gets_coarse_frames_and_then_the_exact_ones_at_once():
    play = playing(1000, 1, near=True, starting=True)
    play.run(until=0.2)
    assert play.sent_order[-1][1].parts[-1].tier == 0
    assert [tier for tier in range(3) if play.wire_by_tier[tier]] == [0]
    play.wish(state=Wish.PLAY, frame=3, rate_fps=15.0)
    play.run()
    assert play.wire_by_tier[1] == 0
    assert sorted(frame for tier, frame in play.arrived if tier == 2) == list(range(60))


def test_near_little_is_sent_before_the_first_receipt_whatever_the_first_receipts_say():
    # The page takes 300 ms to start: its first receipts come late and look like a slow link.
    near, far = playing(1000, 300, near=True), playing(1000, 300)
    for play in (near, far):
        play.run(until=1.0)
    assert sum(action.wire_bytes for at, action in near.sent_order if at < 0.3) <= 131_072
    assert near.wire_by_tier[1] == 0
    assert far.wire_by_tier[1] > 0


def test_near_but_slow_it_plays_by_the_first_pass_again_after_the_presumption():
    play = playing(8, 1, near=True, frames=240, sizes=(4_000, 16_000, 500_000))
    play.run(until=2.0)
    assert 2 in {part.tier for at, action in play.sent_order if at < 0.5 for part in action.parts}
    assert {part.tier for at, action in play.sent_order if at > 1.5 for part in action.parts} == {1}
    play.most_in_flight = 0
    play.run(until=10.0)
    assert play.most_in_flight <= 262_144 + 131_072


def test_near_and_starting_a_run_without_a_first_pass_is_sent_exact():
    play = playing(1000, 1, near=True, starting=True, sizes=(0, 0, 135_000))
    play.catalogue.counts = (0, 0, 60)
    play.session.available(RUN, complete=True, now=play.now)
    play.wish(state=Wish.PLAY, frame=0, rate_fps=15.0, starting=True)
    play.run()
    assert sorted(frame for tier, frame in play.arrived if tier == 2) == list(range(60))


def test_near_and_starting_neighbours_wait_too():
    play = playing(1000, 1, near=True, starting=True)
    play.session.receive(Open(7), play.now)
    play.act(play.session.receive(Want(7, Wish.PREFETCH, 0), play.now))
    play.act(play.session.opened(7, FakeCatalogue(60, XA512), {}, complete=True, now=play.now))
    play.run()
    assert {part.run for _, action in play.sent_order for part in action.parts} == {RUN}
    play.wish(state=Wish.PLAY, frame=0, rate_fps=15.0)
    play.run()
    assert sum(part.run == 7 for _, action in play.sent_order for part in action.parts) == 60


def test_runs_on_screen_share_the_link_by_weight_whenever_they_were_opened():
    play = playing(20, 40, frames=240)
    play.run(until=4.0)
    play.session.receive(Open(7), play.now)
    play.act(play.session.receive(Want(7, Wish.PLAY, 0, 15.0, weight=3.0), play.now))
    play.act(play.session.opened(7, FakeCatalogue(240, XA512), {}, complete=True, now=play.now))
    play.run(until=12.0)  # the newcomer's first pass is there
    before = len(play.sent_order)
    play.run(until=16.0)
    sent = [0, 0]
    for _, action in play.sent_order[before:]:
        sent[action.parts[0].run == 7] += action.wire_bytes
    assert 2.5 <= sent[1] / sent[0] <= 3.5


def test_starting_changes_nothing_far_away():
    play = playing(100, 20, starting=True)
    play.run()
    assert all((2, frame) in play.arrived for frame in range(60))


def test_a_seek_overtakes():
    play = playing(8, 80)
    play.run(until=2.0)
    play.wish(state=Wish.PAUSE, frame=40)
    asked = play.now
    assert (2, 40) not in play.arrived
    play.run(until=10.0)
    exact = play.arrived[2, 40] - asked
    # one round trip's worth may be in flight already, then the frame itself
    assert exact <= 2 * 0.080 + XA512[2] / 1e6 + 0.05


def test_scrubbing_sends_only_the_newest_wish():
    play = Play(FakeCatalogue(500, XA512), rate_bytes_per_s=125_000, round_trip_s=0.2)
    play.open(state=Wish.PAUSE, frame=0)
    for step, frame in enumerate(range(10, 400, 10)):
        play.run(until=0.5 + step * 0.02)
        play.wish(state=Wish.PAUSE, frame=frame)
    play.run(until=3.0)
    shown = min(at for (tier, f), at in play.arrived.items() if f == 390)
    assert shown - (0.5 + 38 * 0.02) <= 0.2 + 0.35
    passed = [f for (tier, f) in play.arrived if tier == 2 and f not in (0, 390)]
    assert len(passed) <= 2


def test_hidden_sends_nothing_and_first_pass_only_when_asked():
    play = playing(8, 80, state=Wish.HIDDEN)
    play.run()
    assert play.sent_order == []
    play = playing(8, 80, max_tier=1)
    play.run()
    assert play.wire_by_tier[2] == 0
    assert {frame for (tier, frame) in play.arrived} == set(range(60))


def test_prefetch_comes_after_the_run_on_screen():
    play = playing(8, 80)
    other = 7
    neighbour = FakeCatalogue(60, XA512)
    play.session.receive(Open(other), play.now)
    play.act(play.session.receive(Want(other, Wish.PREFETCH, 0), play.now))
    play.act(play.session.opened(other, neighbour, {}, complete=True, now=play.now))
    play.run()
    runs = [part.run for _, action in play.sent_order for part in action.parts]
    assert set(runs[: runs.index(other)]) == {RUN}
    assert RUN not in runs[runs.index(other) :]
    assert all(part.tier < 2 for _, action in play.sent_order for part in action.parts if part.run == other)


def test_messages_of_the_exact_tier_grow_with_the_link_and_those_of_the_first_pass_do_not():
    most = {}
    for rate in (8, 100, 8000):
        play = playing(rate, 2, near=rate == 8000)
        play.run()
        for _, action in play.sent_order:
            exact = action.parts[0].tier == 2
            most[rate, exact] = max(most.get((rate, exact), 0), action.wire_bytes)
    assert most[8, True] <= 65_536 and most[100, True] <= 65_536
    assert 600_000 < most[8000, True] <= 1_048_576
    assert all(size <= 65_536 for (_, exact), size in most.items() if not exact)


def test_exact_frames_taken_together_are_those_that_would_be_taken_one_by_one():
    for budget in (1, 20_000, 140_000, 600_000):
        want = Want(RUN, Wish.PLAY, 50, 15.0)
        one, many = (RunPlan(RUN, FakeCatalogue(60, XA512, (60, 60, 58))) for _ in range(2))
        for plan in (one, many):
            plan.hold([(0, 0, 59), (1, 0, 59), (2, 52, 53)])
            plan.hold_part(2, 50, 16_384)
            plan.block(2, 55)
            plan.wish(want, 0.0)
        parts, used = many.take_exact(0.5, budget)
        assert used == sum(wire_bytes(part.end_bytes - part.start_bytes) for part in parts)
        for part in parts:
            slot = one.next_slot(0.5, None)
            assert (slot.tier, slot.frame) == (2, part.frame)
            one.advance(2, part.frame, part.end_bytes, 0)
        assert used <= max(budget, 16_384 + 32)
        assert [one.offset_bytes(2, frame) for frame in range(60)] == [many.offset_bytes(2, f) for f in range(60)]
        assert one.next_slot(0.5, None) == many.next_slot(0.5, None)


def test_resume_sends_nothing_that_is_held():
    play = playing(8, 80, have=((2, 0, 29), (1, 0, 59)), partial=((2, 30, 65_536),))
    play.got[RUN, 2, 30] = 65_536
    play.run()
    parts = [part for _, action in play.sent_order for part in action.parts]
    assert all(part.frame >= 30 for part in parts)
    assert min(part.start_bytes for part in parts if part.frame == 30) == 65_536
    assert all(part.tier == 2 for part in parts)
    assert all((2, frame) in play.arrived for frame in range(30, 60))


def test_frames_that_are_not_ready_are_awaited():
    play = Play(FakeCatalogue(60, XA512, (3, 3, 2)), rate_bytes_per_s=1e6, round_trip_s=0.08)
    play.open(state=Wish.PLAY, frame=0, rate_fps=15.0)
    play.run()
    assert {frame for (_, frame) in play.arrived} == {0, 1, 2}
    play.catalogue.counts = (60, 60, 60)
    play.act(play.session.available(RUN, complete=True, now=play.now))
    assert play.texts[-1]["type"] == "progress"
    play.run()
    assert all((2, frame) in play.arrived for frame in range(60))


def test_credit_is_never_overdrawn():
    play = Play(FakeCatalogue(60, XA512), rate_bytes_per_s=1e8, round_trip_s=0.002, grant=40_000)
    play.open(state=Wish.PLAY, frame=0, rate_fps=15.0)
    most = 0
    while play.events:
        play.run(until=play.events[0][0])
        most = max(most, play.session.pacer.sent_bytes - play.received)
    assert most <= 40_000 + wire_bytes(16_384)
    assert all((2, frame) in play.arrived for frame in range(60))


def test_damaged_frame_is_rebuilt_and_sent_again():
    play = playing(100, 20)
    play.run()
    actions = play.session.receive(Damaged(RUN, 2, 5), play.now)
    assert actions == [Rebuild(RUN, 2, 5)]
    play.got[RUN, 2, 5] = 0
    del play.arrived[2, 5]
    play.act(play.session.rebuilt(RUN, 2, 5, play.now))
    play.run()
    assert (2, 5) in play.arrived


def test_a_lost_frame_is_sent_again_as_it_is():
    play = playing(100, 20)
    play.run()
    play.got[RUN, 2, 5] = 0
    del play.arrived[2, 5]
    actions = play.session.receive(Damaged(RUN, 2, 5, lost=True), play.now)
    assert not any(isinstance(action, Rebuild) for action in actions)
    play.act(actions)
    play.run()
    assert (2, 5) in play.arrived


@pytest.mark.parametrize("offset", [131_072, 135_000, 147_456, (1 << 31) - 1])
def test_a_part_that_reaches_to_the_end_or_beyond(offset):
    play = playing(8, 80, partial=((2, 3, offset),))
    play.got[RUN, 2, 3] = offset - offset % 16_384
    play.run()
    sent = [part for _, action in play.sent_order for part in action.parts if (part.tier, part.frame) == (2, 3)]
    assert [(part.start_bytes, part.end_bytes) for part in sent] == ([(131_072, 135_000)] if offset < 147_456 else [])
    assert all((2, frame) in play.arrived for frame in range(60) if frame != 3)


def test_parts_beyond_their_frames_end_count_as_held_in_a_message_of_many():
    beyond = ((2, 4, 147_456), (2, 5, 1 << 30), (2, 6, (1 << 31) - 1))
    play = playing(1000, 1, partial=beyond)
    for _, frame, offset in beyond:
        play.got[RUN, 2, frame] = offset - offset % 16_384
    play.run()
    sent = {(part.tier, part.frame) for _, action in play.sent_order for part in action.parts}
    assert {(2, frame) for frame in range(60)} - sent == {(2, 4), (2, 5), (2, 6)}


def test_rows_that_overlap_cost_no_more_than_the_run_is_long():
    frames = 5000
    rows = ((2, 0, (1 << 31) - 1),) * 4000 + ((1, 4000, 7000), (1, 10, 20), (1, 15, 17), (0, 9999, 3))
    plan = RunPlan(RUN, FakeCatalogue(frames, XA512))
    begun = time.perf_counter()
    plan.hold(rows)
    assert time.perf_counter() - begun < 0.5
    assert all(plan.holds(2, frame) for frame in range(frames))
    assert [frame for frame in range(frames) if plan.holds(1, frame)] == [*range(10, 21), *range(4000, frames)]
    assert not any(plan.holds(0, frame) for frame in range(frames))


def test_what_cannot_be_damaged():
    play = playing(100, 20, have=((2, 0, 59),))
    with pytest.raises(PeerError):
        play.session.receive(Damaged(RUN, 2, 60), play.now)
    with pytest.raises(PeerError):
        play.session.receive(Damaged(RUN, 1, 1 << 24), play.now)
    # Held, but the cache is made anew just now: it comes when it is there.
    play.catalogue.counts = (60, 60, 5)
    assert play.session.receive(Damaged(RUN, 2, 7), play.now) == []
    play.run()
    assert (2, 7) not in play.arrived
    play.catalogue.counts = (60, 60, 60)
    play.act(play.session.available(RUN, complete=True, now=play.now))
    play.run()
    assert (2, 7) in play.arrived


def test_sweep_and_backwards_go_in_their_order():
    play = playing(1, 20, frame=30, rate_fps=-15.0, sizes=(2_000, 5_500, 20_000))
    play.run(until=1.0)
    frames = [part.frame for _, action in play.sent_order for part in action.parts]
    assert frames[:6] == [30, 29, 28, 27, 26, 25]


def test_states():
    session = Session(0.0)
    with pytest.raises(PeerError):
        session.receive(Ping(1.0), 0.0)
    session = Session(0.0)
    assert session.tick(9.9) == []
    assert session.tick(10.0) == [Close(4408, "no message for too long")]
    session = Session(0.0)
    answer = session.receive(Hello(1, 100), 0.0)
    assert isinstance(answer[0], SendText)
    with pytest.raises(PeerError):
        session.receive(Hello(1, 100), 0.0)
    assert session.receive(Open(RUN), 1.0) == [FindRun(RUN)]
    with pytest.raises(PeerError):
        session.receive(Open(RUN), 1.0)
    failed = session.failed(RUN, "not_found", "no such run")
    assert failed[0].body["code"] == "not_found"
    assert session.receive(Want(RUN, Wish.PLAY, 0), 1.0) == []
    with pytest.raises(PeerError):
        session.receive(Credit(1, 1), 1.0)
    assert session.wake_at == 61.0


def test_message_size_follows_the_link():
    slow, fast = playing(1, 200), playing(1000, 2)
    slow.run()
    fast.run()
    largest = max(action.wire_bytes for _, action in slow.sent_order)
    assert largest <= wire_bytes(16_384) + 32 + 3 * XA512[0]
    assert max(a.wire_bytes for _, a in fast.sent_order) > 40_000


def test_frames_that_play_passed_with_nothing_sent_are_counted():
    play = playing(0.1, 200)
    for step in range(1, 5):
        play.run(until=step * 1.0)
        play.wish(state=Wish.PLAY, frame=15 * step % 60, rate_fps=15.0)
    slow = play.session.frames_dropped
    assert 10 < slow < 60
    play = playing(8, 80)
    for step in range(1, 5):
        play.run(until=step * 1.0)
        play.wish(state=Wish.PLAY, frame=15 * step % 60, rate_fps=15.0)
    assert play.session.frames_dropped == 0
    play = playing(0.1, 200)
    play.run(until=0.5)
    for frame in (50, 49, 20):  # seeks: nothing was missed
        play.wish(state=Wish.PLAY, frame=frame, rate_fps=15.0)
    assert play.session.frames_dropped == 0
