"""Speed by pytest-benchmark, run by `bench.codecs.run`: a group for an operation and data, a parameter for each way."""

from __future__ import annotations

import pytest

from bench.codecs import decoding, encoding, indexing, kernels
from bench.codecs.case import Case

MOST_ROUNDS, LEAST_ROUNDS = 9, 3
BUDGET_S = 0.4
"""For the rounds of one case, so that the slow ones do not take most of the time."""
ROUND_S = 0.005
"""A round of what is quick lasts about so long: many calls, so that a fault or two does not decide."""
KEPT = ("operation", "material", "implementation", "raw_bytes", "frames", "target", "limit_ms")

CASES = [case for part in (decoding, encoding, kernels, indexing) for case in part.cases()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_speed(case: Case, benchmark) -> None:
    benchmark.group = f"{case.operation}, {case.material}"
    benchmark.extra_info.update({name: getattr(case, name) for name in KEPT})
    try:
        correct, failed = case.correct(), ""
    except Exception as error:  # whoever it was: what it raises is a result
        correct, failed = False, f"{type(error).__name__}: {error}"
    benchmark.extra_info.update(correct=correct, failed=failed)
    if failed:
        benchmark.pedantic(lambda: None)
        return
    started = benchmark._timer()
    case.run()
    took_s = benchmark._timer() - started
    rounds = max(LEAST_ROUNDS, min(MOST_ROUNDS, int(BUDGET_S / max(took_s, 1e-9))))
    iterations = max(1, min(20, int(ROUND_S / max(took_s, 1e-9))))
    benchmark.pedantic(case.run, rounds=rounds, iterations=iterations)
