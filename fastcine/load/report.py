"""Figures of a load run as lines and as a picture."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastcine.errors import UsageError
from fastcine.load.arrivals import TIER_NAMES

_WIDTH = 26


def _line(name: str, words: str) -> str:
    return f"{name:<{_WIDTH}}{words}"


def _of(found: dict[str, float]) -> str:
    if not found:
        return "none came"
    return ", ".join(f"{name.replace('p100', 'most')} {value:.1f}" for name, value in found.items()) + " ms"


def _share(value: float | None) -> str:
    return "not said" if value is None else f"{value:.0%} of a core"


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What was measured, for people."""
    yield _line("link", f"{found['link']} ({found['how']})" + "".join(f", no {each}" for each in found["unsupported"]))
    yield _line("viewers", f"{found['viewers']} of {found['viewers_asked']}, busy {found['busy']}, "
                f"lost {found['connections_lost']}")  # fmt: skip
    expected = found["frames_expected_per_s"]
    wanted = "" if expected is None else f" of {expected:.0f}"
    yield _line("frames", f"{found['frames_per_s']:.0f}{wanted} a second")
    yield _line("messages, bytes", f"{found['messages_per_s']:.0f}, {found['bytes_per_s'] / 1e6:.1f} MB a second")
    yield _line("first frame", _of(found["first_frame_ms"]))
    yield _line("late", f"{_of(found['late_ms'])} (an interval is {found['frame_interval_ms']:.1f})")
    yield _line("server, client", f"{_share(found['server_cpu'])}, {_share(found['client_cpu'])}")
    memory = found["server_bytes_per_viewer"]
    yield _line("server memory a viewer", "not said" if memory is None else f"{memory / 1000:.1f} kB")
    lag = found["loop_lag_p99_ms"]
    yield _line("event loop's lag, p99", "not said" if lag is None else f"at most {lag:g} ms")
    for words, count in found["errors"].items():
        yield _line("error", f"{words}, {count} times")


def need_matplotlib() -> None:
    """Raises UsageError that says how to get it."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("a plot needs matplotlib: pip install 'fastcine[bench]'")


def plot(found: dict[str, Any], target: Path) -> None:
    """The worst lateness, the longest time to first frame and bytes by tier, second by second, as a picture."""
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    seconds = found["seconds"]
    along = range(len(seconds))
    figure, (late, sent) = pyplot.subplots(2, 1, sharex=True, figsize=(9, 6), layout="constrained")
    late.plot(along, [each["worst_late_ms"] for each in seconds], color="tab:red", label="latest frame")
    late.axhline(found["frame_interval_ms"], color="grey", linestyle="--", label="one frame's time")
    firsts = [(n, each["worst_first_ms"]) for n, each in enumerate(seconds) if each["worst_first_ms"] is not None]
    if firsts:  # none where each viewer opened its run once, before the measuring began
        late.plot(*zip(*firsts, strict=True), "o", color="tab:blue", markersize=3, label="time to first frame, longest")
    late.set_ylabel("ms")
    late.legend()
    sent.stackplot(along, *[[each[name] / 1e6 for each in seconds] for name in TIER_NAMES], labels=TIER_NAMES)
    sent.set_ylabel("MB a second")
    sent.set_xlabel("seconds")
    sent.legend()
    first = _of(found["first_frame_ms"])
    figure.suptitle(f"{found['viewers']} viewers over {found['link']}; first frame {first}", fontsize=10)
    figure.savefig(target, dpi=120)
    pyplot.close(figure)
