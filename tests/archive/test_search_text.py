"""Folding and match expressions: what finds whom."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcine.archive.index import Index
from fastcine.archive.schema import MIGRATIONS
from fastcine.archive.search_text import MAX_SEARCH_WORDS, index_text, match_expression, name_text


def finds(search: str, *indexed: str) -> bool:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5 (x, tokenize = 'unicode61 remove_diacritics 0')")
        connection.execute("INSERT INTO t VALUES (?)", (index_text(*indexed),))
        match = match_expression(search)
        if match is None:
            return True
        return bool(connection.execute("SELECT 1 FROM t WHERE t MATCH ?", (match,)).fetchone())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("search", "name", "found"),
    [
        ("phan", "Phantom^Paula", True),
        ("PAULA pha", "Phantom^Paula", True),
        ("antom", "Phantom^Paula", False),
        ("phantom peter", "Phantom^Paula", False),
        ("muller", "Müller^Jörg", True),
        ("MÜLLER", "Muller^Jorg", True),
        ("strasse", "Straße", True),
        ("PH-1", "PH-1", True),
        ("PH-1", "PH 2 1", False),
        ("小東", "王^小東", True),
        ("王小東", "王^小東", True),
        ("東", "王^小東", True),
        ("ﾔﾏﾀﾞ", "ヤマダ^タロウ", True),
        ("ヤマタ", "ヤマダ^タロウ", False),
        ("やま", "やまだ^たろう", True),
        ("김희", "김희중", True),
        ("люкс", "Люксембург", True),
        ("", "anything", True),
        ("^=\\", "anything", True),
    ],
)
def test_who_is_found(search: str, name: str, found: bool) -> None:
    assert finds(search, name) is found


@given(st.text(max_size=60))
def test_no_input_breaks_the_query_language(search: str) -> None:
    finds(search, "Phantom^Paula")


@given(st.text(min_size=1, max_size=30))
def test_every_text_finds_itself(text: str) -> None:
    assert finds(text, text)


def test_a_pasted_page_stays_a_small_query() -> None:
    match = match_expression("word " * 10_000)
    assert match is not None and match.count("AND") == MAX_SEARCH_WORDS - 1


def test_names_of_before_get_their_initials(tmp_path):
    path = tmp_path / "index.sqlite"
    Index(path, durable=False).close()
    names = [(1, "Özil^Ann-Marie"), (2, "王^小東"), (3, ""), (4, "O'Brien^")]
    before = next(number for number, script in enumerate(MIGRATIONS) if "SELECT initials" in script)
    with sqlite3.connect(path) as connection:
        for row, name in names:
            connection.execute("INSERT INTO study_text (rowid, name) VALUES (?, ?)", (row, index_text(name)))
        connection.execute(f"PRAGMA user_version = {before}")
    connection.close()
    index = Index(path, durable=False)
    kept = index.read(lambda connection: connection.execute("SELECT rowid, name FROM study_text").fetchall())
    index.close()
    assert [tuple(row) for row in kept] == [(row, name_text(name)) for row, name in names]
    assert name_text("Özil^Ann-Marie").split()[3:] == ["\ua71do", "\ua71da", "\ua71dm"]
