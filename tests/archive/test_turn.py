"""Turns: one at a time, given up early once and no more."""

import threading

from fastcine.archive.turn import Turn


def test_one_at_a_time_until_it_is_left():
    turn, order, inside = Turn(), [], threading.Event()

    def second():
        with turn:
            order.append("second")
            inside.set()

    with turn:
        other = threading.Thread(target=second)
        other.start()
        assert not inside.wait(0.05)
        order.append("first")
        turn.leave()
        assert inside.wait(5)
        turn.leave()  # a second time, and by who has none: nothing
    other.join()
    assert order == ["first", "second"]
    with turn:
        pass


def test_leaving_does_not_take_the_turn_of_another():
    turn = Turn()
    with turn:
        threading.Thread(target=turn.leave).start()
        assert not turn._lock.acquire(timeout=0.05)
