"""Transactions, snapshots, files and URLs of a database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError

from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.store import Database, SchemaMismatch, StoreFailure, Transaction
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.tables import account, schema_info

TIMEOUT = 60
KINDS = ["postgresql"] if "CROWDFLOWER_TEST_POSTGRESQL" in os.environ else ["memory", "file"]


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    urls = {"memory": "sqlite://", "file": f"sqlite:///{tmp_path / 'sandbox.db'}"}
    database = Database(urls.get(request.param) or request.getfixturevalue("rowless_schema"))
    yield database
    database.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.db"


@pytest.fixture
def on_file(path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


def add(tx: Transaction, key: str) -> int:
    return tx.add(account, {"email": "a@example.com", "api_key": key, "created_at": 0.0})


def add_and_fail(database: Database, key: str) -> None:
    with database.transaction() as tx:
        add(tx, key)
        raise ZeroDivisionError


def keys(tx: Transaction) -> list[str]:
    return [row.api_key for row in tx.all(select(account).order_by(account.c.id))]


def test_a_transaction_is_committed_at_its_end(database: Database) -> None:
    with database.transaction() as tx:
        add(tx, "k")

    with database.snapshot() as tx:
        assert keys(tx) == ["k"]


def test_a_transaction_that_raises_is_rolled_back(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        add_and_fail(database, "k")

    with database.snapshot() as tx:
        assert keys(tx) == []


def test_a_nested_transaction_can_be_rolled_back_alone(database: Database) -> None:
    with database.transaction() as tx:
        add(tx, "first")
        with pytest.raises(ZeroDivisionError):
            add_and_fail(database, "second")
        with database.transaction() as inner:
            add(inner, "third")

    with database.snapshot() as tx:
        assert keys(tx) == ["first", "third"]


def test_a_nested_transaction_is_rolled_back_with_the_outer_one(database: Database) -> None:
    def outer() -> None:
        with database.transaction():
            with database.transaction() as inner:
                add(inner, "inner")
            add_and_fail(database, "last")

    with pytest.raises(ZeroDivisionError):
        outer()

    with database.snapshot() as tx:
        assert keys(tx) == []


def test_a_snapshot_inside_a_transaction_sees_its_changes(database: Database) -> None:
    with database.transaction() as tx:
        add(tx, "k")
        with database.snapshot() as inner:
            assert keys(inner) == ["k"]


def test_reading_apart_sees_one_state_and_lets_writers_go_on(database: Database) -> None:
    """In memory there is one connection, and other readers and writers wait for each other."""
    with database.transaction() as tx:
        before = [*keys(tx), "before"]
        add(tx, "before")

    def read(tx: Transaction) -> tuple[list[str], list[str]]:
        first = keys(tx)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(database.write, lambda other: add(other, "meanwhile")).result(30)
        return first, keys(tx)

    found = database.read_apart(read)

    assert found == (before, before)
    with database.snapshot() as tx:
        assert keys(tx) == [*before, "meanwhile"]


def test_writing_inside_a_snapshot_is_refused(database: Database) -> None:
    with (
        database.snapshot(),
        pytest.raises(RuntimeError, match="A snapshot is read-only"),
        database.transaction(),
    ):
        pass


def test_writers_of_many_threads_take_turns(database: Database) -> None:
    together = Barrier(4)

    def count_up(_: int) -> None:
        together.wait()
        for _ in range(25):
            with database.transaction() as tx:
                locks.lock_name(tx, "counting")
                before = tx.one(select(func.count().label("n")).select_from(account)).n
                add(tx, f"key {before}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count_up, range(4)))

    with database.snapshot() as tx:
        assert keys(tx) == [f"key {number}" for number in range(100)]


def test_a_write_transaction_locks_the_file_when_it_begins(on_file: Database, path: Path) -> None:
    other = sqlite3.connect(path, timeout=0, isolation_level=None)

    with on_file.transaction():
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM account").fetchone() == (0,)

    other.execute("BEGIN IMMEDIATE")
    other.close()


def test_a_snapshot_of_a_file_does_not_wait_and_sees_no_later_changes(on_file: Database) -> None:
    started, written = Event(), Event()

    def read() -> tuple[list[str], list[str]]:
        with on_file.snapshot() as tx:
            before = keys(tx)
            started.set()
            assert written.wait(TIMEOUT)
            return before, keys(tx)

    with ThreadPoolExecutor(1) as pool, on_file.transaction() as tx:
        reading = pool.submit(read)
        assert started.wait(TIMEOUT)
        add(tx, "k")
        tx.connection.commit()
        written.set()
        before_and_after = reading.result(TIMEOUT)

    assert before_and_after == ([], [])


def test_a_file_keeps_its_data_and_is_readable_by_its_owner_only(
    on_file: Database, path: Path
) -> None:
    with on_file.transaction() as tx:
        add(tx, "k")
    on_file.close()

    again = Database(f"sqlite:///{path}")

    with again.snapshot() as tx:
        assert keys(tx) == ["k"]
    again.close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_time_continues_from_the_latest_event(path: Path) -> None:
    clock = Clock()
    database = Database(f"sqlite:///{path}", clock)
    clock.advance(hours=5)
    with database.transaction() as tx:
        tx.record("something")
    database.close()

    again = Database(f"sqlite:///{path}", Clock())

    assert again.clock.now() == clock.now()
    again.close()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5000)],
)
def test_a_file_has_durable_settings(on_file: Database, pragma: str, value: Any) -> None:
    with on_file.snapshot() as tx:
        setting = tx.connection.execute(text(f"PRAGMA {pragma}")).scalar()

    assert setting == value


def test_a_file_of_another_version_is_refused_and_left_unchanged(
    on_file: Database, path: Path
) -> None:
    with on_file.transaction() as tx:
        tx.run(schema_info.update().values(version=99))
    on_file.close()
    before = path.read_bytes()

    with pytest.raises(SchemaMismatch, match="holds version 99 of the tables; this is version"):
        Database(f"sqlite:///{path}")

    assert path.read_bytes() == before


def test_a_file_of_another_program_is_refused(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE recipe (name TEXT)")
    other.close()
    before = path.read_bytes()

    with pytest.raises(
        SchemaMismatch, match=r"tables of something else\. Nothing was changed\. Use another"
    ):
        Database(f"sqlite:///{path}")

    assert path.read_bytes() == before


def test_a_file_that_is_not_a_database_is_refused(path: Path) -> None:
    path.write_bytes(b"a letter to my aunt" * 100)

    with pytest.raises(StoreFailure, match="not an SQLite database"):
        Database(f"sqlite:///{path}")

    assert path.read_bytes() == b"a letter to my aunt" * 100


def test_a_file_can_be_opened_after_a_reset(on_file: Database, path: Path) -> None:
    with on_file.transaction() as tx:
        add(tx, "k")
    on_file.reset()
    on_file.close()

    again = Database(f"sqlite:///{path}")

    with again.snapshot() as tx:
        assert keys(tx) == []
    again.close()


def test_an_id_beyond_64_bits_finds_no_row(database: Database) -> None:
    with database.snapshot() as tx:
        assert tx.one(select(account).where(account.c.id == 10**40)) is None


@pytest.mark.parametrize(
    "url", ["mysql://ada:s3cret@localhost/crowd", "postgresql://ada:a@s3cret@localhost/crowd"]
)
def test_a_url_of_another_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="SQLite or PostgreSQL") as caught:
        Database(url)

    assert "s3cret" not in str(caught.value)


def test_a_file_url_with_a_query_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="as %3F"):
        Database(f"sqlite:///{tmp_path}/crowd?2.db")

    assert list(tmp_path.iterdir()) == []


def test_a_reset_deletes_all_rows_and_restarts_the_ids(database: Database) -> None:
    with database.transaction() as tx:
        first = add(tx, "k")

    database.reset()

    with database.transaction() as tx:
        assert keys(tx) == []
        assert add(tx, "k") == first
    with (
        pytest.raises(RuntimeError, match="A transaction is open"),
        database.transaction(),
    ):
        database.reset()


def test_databases_in_memory_do_not_see_each_other() -> None:
    one, other = Database(), Database()
    with one.transaction() as tx:
        add(tx, "k")

    with other.snapshot() as tx:
        assert keys(tx) == []

    one.close()
    other.close()


def test_a_duplicate_key_is_refused_by_the_database(database: Database) -> None:
    with pytest.raises(IntegrityError), database.transaction() as tx:
        tx.connection.execute(
            insert(account),
            [
                {"email": "a@example.com", "api_key": "same", "created_at": 0.0},
                {"email": "b@example.com", "api_key": "same", "created_at": 0.0},
            ],
        )


def test_a_transaction_carries_clock_limits_and_warnings() -> None:
    clock = Clock(seed=3)
    database = Database(clock=clock)

    with database.transaction() as tx:
        tx.warn("Once.")
        tx.warn("Once.")

    assert tx.clock is clock
    assert tx.limits is database.limits
    assert tx.warnings == ["Once."]
    database.close()
