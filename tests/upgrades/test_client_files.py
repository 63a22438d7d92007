"""Files of a client that version 1.0.0 made: the journal is migrated, the upload plan continues.

``make_fixtures.py`` made them, with version 1.0.0. ``journal_version_2.sql`` is a journal that was
made before 1.1.0 was released.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import responses

from crowdflower.client import Client
from crowdflower.exceptions import (
    DuplicateOperation,
    InvalidInput,
    JournalCorrupt,
    JournalError,
)
from crowdflower.payments.journal import Journal
from crowdflower.payments.journal_tables import VERSION
from crowdflower.payments.records import Operation
from crowdflower.rows.upload_plan import open_plan
from crowdflower.sandbox import Sandbox

KEY = "made-by-version-1-0-0"
OLD = Path(__file__).parent / "made_by_1_0_0"

COPY = "journal.db.1.0.0"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(OLD / "journal.db", tmp_path))


def rows(path: Path) -> list[tuple[object, ...]]:
    """Return what version 1.0.0 recorded."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            'SELECT op_id, name, account, method, path, body, "key", state, before, cents,'
            " evidence, note, prepared_at, sent_at, settled_at FROM operations ORDER BY rowid"
        ).fetchall()


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def bonus(key: str) -> Operation:
    """Return the bonus that was paid in the fixture under the key "applied"."""
    account = next(str(row[2]) for row in rows(OLD / "journal.db"))
    path = "jobs/7/workers/5/bonus.json"
    return Operation("new", "bonus", account, "POST", path, "amount=100&reason=Thanks", key)


def test_a_journal_is_migrated_and_a_copy_of_it_is_kept(path: Path) -> None:
    before = rows(path)
    assert sorted(str(row[7]) for row in before) == [
        "applied", "not_applied", "rejected", "unknown",
    ]  # fmt: skip

    (pending,) = Journal(path).pending()

    assert (pending.name, pending.key, pending.state) == ("launch", "unknown", "unknown")
    assert (rows(path), version(path)) == (before, VERSION)
    copy = path.with_name(COPY)
    assert (rows(copy), version(copy)) == (before, 1)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(each.name for each in path.parent.glob("*.1.0.0*")) == [COPY]


def test_keys_of_a_migrated_journal_stay_in_use(path: Path) -> None:
    journal = Journal(path)

    with pytest.raises(DuplicateOperation):
        journal.prepare(bonus("applied"))
    assert journal.prepare(bonus("rejected")).state == "prepared"


def test_events_of_a_migrated_journal_are_in_the_order_of_their_times(path: Path) -> None:
    Journal(path).pending()

    with closing(sqlite3.connect(path)) as connection:
        events = connection.execute(
            "SELECT sent_step, sent_at FROM operations WHERE sent_at NOT NULL UNION ALL"
            " SELECT settled_step, settled_at FROM operations WHERE settled_at NOT NULL"
        ).fetchall()
        (last,) = connection.execute("SELECT last FROM steps").fetchone()

    assert sorted(step for step, _ in events) == [*range(1, len(events) + 1)]
    assert [time for _, time in sorted(events)] == sorted(time for _, time in events)
    assert last == len(events)


@responses.activate
def test_the_client_of_version_1_0_0_finds_its_payments(path: Path) -> None:
    """Without a request: the hash of address and key is the account that 1.0.0 recorded."""
    client = Client(KEY, journal=path)

    assert [each.key for each in client.operations.pending()] == ["unknown"]


@pytest.mark.parametrize(
    "statement", ["ALTER", "CREATE", "UPDATE operations", "PRAGMA user_version =", "COMMIT"]
)
def test_a_migration_that_fails_leaves_the_journal_as_it_was(
    path: Path, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if sql.startswith(statement):
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, *values)

    before = rows(path)

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Failing))
        with pytest.raises(JournalError, match="disk I/O error"):
            Journal(path).pending()

    assert (rows(path), version(path)) == (before, 1)
    (pending,) = Journal(path).pending()
    assert pending.key == "unknown"


def test_a_damaged_journal_of_version_1_0_0_is_refused_and_not_changed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    path.write_bytes(data)

    with pytest.raises(JournalCorrupt, match=str(path)):
        Journal(path).pending()

    assert path.read_bytes() == data
    assert not path.with_name(COPY).exists()


def test_a_journal_of_a_newer_version_is_refused_and_not_changed(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 4")
    before = path.read_bytes()

    with pytest.raises(JournalError, match=r"written by a newer release of crowdflower; upgrade"):
        Journal(path).pending()

    assert path.read_bytes() == before


def test_if_the_clock_was_set_back_no_payment_of_an_old_journal_proves_another(path: Path) -> None:
    """The second launch was made, a minute before the first by the clock; the first was not."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM operations WHERE name != 'launch'")
        old, *_ = connection.execute("SELECT rowid FROM operations").fetchone()
        for values in (("A", "unknown", 1000, 1000.1, 1000.2), ("B", "applied", 940, 940, 940.2)):
            connection.execute(
                "INSERT INTO operations SELECT ?, name, account, method, path, body, NULL, ?,"
                " before, cents, evidence, note, ?, ?, ? FROM operations WHERE rowid = ?",
                (*values, old),
            )
        connection.execute("DELETE FROM operations WHERE rowid = ?", (old,))
    journal = Journal(path)

    (pending,) = journal.pending()

    assert [each.op_id for each in journal.beside(pending)] == ["B"]


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """A journal with the tables of version 2."""
    second = tmp_path / "second.db"
    with closing(sqlite3.connect(second)) as connection:
        connection.executescript((OLD.parent / "journal_version_2.sql").read_text())
    return second


def test_a_journal_of_version_2_is_migrated_and_a_copy_of_it_is_kept(second: Path) -> None:
    before = rows(second)

    (pending,) = Journal(second).pending()

    assert (pending.key, pending.result) == ("unknown", None)
    assert (rows(second), version(second)) == (before, VERSION)
    copy = second.with_name("second.db.1.1.0.dev0")
    assert (rows(copy), version(copy)) == (before, 2)


@pytest.mark.parametrize("earlier", ["path", "second"])
def test_a_migrated_journal_has_the_tables_of_a_new_one(
    earlier: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    def tables(file: Path) -> dict[str, list[str]]:
        with closing(sqlite3.connect(file)) as connection:
            names = connection.execute("SELECT name FROM sqlite_master").fetchall()
            return {
                name: connection.execute(f"PRAGMA table_info({name})").fetchall()
                for (name,) in names
            }

    new = tmp_path / "new.db"
    Journal(new).prepare(bonus("applied"))
    migrated: Path = request.getfixturevalue(earlier)
    Journal(migrated).pending()

    assert tables(migrated) == tables(new)


def test_a_copy_replaces_no_other_file(path: Path) -> None:
    path.with_name(COPY).write_text("precious")

    Journal(path).pending()

    assert path.with_name(COPY).read_text() == "precious"
    assert version(path.with_name(f"{COPY}-2")) == 1


# Upload plans


def test_an_upload_plan_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    plan = shutil.copy(OLD / "upload.plan", tmp_path)
    with closing(sqlite3.connect(plan)) as connection:
        connection.execute("PRAGMA user_version = 1")

    with pytest.raises(InvalidInput, match="written by a newer release"), open_plan(plan):
        pass


def test_an_upload_plan_is_continued(tmp_path: Path) -> None:
    """Version 1.0.0 had sent the first of two chunks, and had lost the response each time."""
    plan = shutil.copy(OLD / "upload.plan", tmp_path)
    with Sandbox(3, key=KEY, database=shutil.copy(OLD / "sandbox.db", tmp_path)) as box:
        job = box.client().get_job(json.loads((OLD / "shown.json").read_text())["upload"])
        sent = ({"sku": f"A{number}", "text": "x"} for number in range(6_000))

        receipt = job.upload(sent, key="sku", resume=plan)

        assert receipt.rows == 6_000
        assert job.reload().units_count == 6_000
        assert {unit.data["sku"] for unit in job.units} == {f"A{n}" for n in range(6_000)}
