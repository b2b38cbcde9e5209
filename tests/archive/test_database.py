"""Group commit: jobs share a transaction and not their failures; nothing is half-written."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastcine.archive.database import BATCH_JOBS, Database
from fastcine.errors import StorageFull, StorageUnavailable


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "d.sqlite", durable=False)
    yield made
    made.close()


def put(key: str, value: str = "") -> object:
    return lambda connection: connection.execute("INSERT INTO meta VALUES (?, ?)", (key, value))


def keys(database: Database) -> set[str]:
    with database.reading() as connection:
        return {row["key"] for row in connection.execute("SELECT key FROM meta")}


def test_a_failing_job_takes_nobody_with_it(database: Database) -> None:
    blocked, failures = threading.Event(), []

    def slow(connection: sqlite3.Connection) -> None:
        blocked.wait(5)

    def work(number: int) -> None:
        def job(connection: sqlite3.Connection) -> int:
            connection.execute("INSERT INTO meta VALUES (?, '')", (str(number),))
            if number % 7 == 3:
                raise KeyError(number)
            return number

        try:
            assert database.write(job) == number
        except KeyError:
            failures.append(number)

    leader = threading.Thread(target=database.write, args=(slow,))
    leader.start()
    count = BATCH_JOBS + 40  # more than one round
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    blocked.set()
    for thread in (leader, *threads):
        thread.join()
    wrong = {number for number in range(count) if number % 7 == 3}
    assert set(failures) == wrong
    assert keys(database) == {str(number) for number in range(count)} - {str(number) for number in wrong}


def test_jobs_that_wait_share_one_transaction(database: Database) -> None:
    commits: list[str] = []
    database._writer.set_trace_callback(lambda statement: commits.append(statement) if statement == "COMMIT" else None)
    held, go = threading.Event(), threading.Event()

    def hold(connection: sqlite3.Connection) -> None:
        held.set()
        go.wait(5)

    threads = [threading.Thread(target=database.write, args=(hold,))]
    threads[0].start()
    held.wait(5)
    threads += [threading.Thread(target=database.write, args=(put(str(number)),)) for number in range(50)]
    for thread in threads[1:]:
        thread.start()
    while len(database._pending) < 50:
        time.sleep(0.001)
    go.set()
    for thread in threads:
        thread.join()
    assert len(keys(database)) == 50 and len(commits) == 2


def test_reads_go_on_while_somebody_writes(database: Database) -> None:
    database.write(put("a"))  # type: ignore[arg-type]

    def job(connection: sqlite3.Connection) -> set[str]:
        connection.execute("INSERT INTO meta VALUES ('b', '')")
        return keys(database)

    assert database.write(job) == {"a"} and keys(database) == {"a", "b"}


def test_a_full_disk_fails_what_waits_and_nothing_is_half_written(database: Database) -> None:
    pages = database._writer.execute("PRAGMA page_count").fetchone()[0]
    database._writer.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StorageFull):
        database.write(put("big", "x" * 1_000_000))  # type: ignore[arg-type]
    assert keys(database) == set()
    database.write(put("small"))  # type: ignore[arg-type]
    assert keys(database) == {"small"}


def test_errors_of_sql_do_not_quote_values(database: Database) -> None:
    database.write(put("Phantom^Paula"))  # type: ignore[arg-type]
    with pytest.raises(StorageUnavailable) as caught:
        database.write(put("Phantom^Paula"))  # type: ignore[arg-type]
    assert "Paula" not in str(caught.value)
