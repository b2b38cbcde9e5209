"""The table of features is about tests that there are, leaves nothing out, and what is missing becomes less."""

import ast
from pathlib import Path

from tests.e2e.features import FEATURES, GROUPS

TESTS = Path(__file__).parents[1]
MISSING = 0
"""Rows without a test. A ratchet: whoever adds a test lowers it, nobody raises it."""

NAMED = {
    "Playback": 17,
    "Many at once": 13,
    "Picture": 18,
    "Subtraction": 16,
    "Hands": 16,
    "Honesty": 8,
    "Resilience": 6,
}
"""How many features of each kind the issue names: a row cannot be taken away to be rid of it."""


def names_in(name):
    """Names of the tests of a file below tests/e2e, or below tests/ where it names a folder."""
    path = (TESTS / name if "/" in name else TESTS / "e2e" / name).with_suffix(".py")
    return {
        one.name for one in ast.parse(path.read_text()).body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_row_names_a_test_that_there_is_and_its_oracle():
    for row in FEATURES:
        for test in row.tests:
            file, _, name = test.partition("::")
            found = {one for one in names_in(file) if one.startswith("test_")}
            assert found if name == "*" else name in found, f"{row.name}: {test}"
        assert bool(row.tests) == bool(row.oracle), row.name


def test_every_feature_has_a_row_and_what_is_missing_becomes_less():
    assert {group: len(rows) for group, rows in GROUPS.items()} == NAMED
    names = [(row.group, row.name) for row in FEATURES]
    assert len(set(names)) == len(names)
    assert len([row for row in FEATURES if not row.tests]) == MISSING
