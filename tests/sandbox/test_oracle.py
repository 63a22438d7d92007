"""The oracle finds what is wrong with a database, and nothing in a sound one."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from oracle import LAWS, OVERJUDGED, Write, broken
from sqlalchemy import select

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.units import uploads
from crowdflower.sandbox.rules.work import handout, workers
from crowdflower.sandbox.store.tables import account, judgment

if TYPE_CHECKING:
    from pathlib import Path

FORM = """
<p>{{text}}</p>
<cml:radios label="Sentiment?" name="sentiment" validates="required">
  <cml:radio label="Positive" value="positive"/>
  <cml:radio label="Negative" value="negative"/>
</cml:radios>
"""
READY = {"title": "Sentiment of reviews", "instructions": "Read.", "cml": FORM}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a job that is half done, a page that is open, a bonus, a second account."""
    file = tmp_path_factory.mktemp("oracle") / "sandbox.db"
    data = [{"text": f"row {number}", "mark": "u"} for number in range(10)]
    with Sandbox(database=file, key="one") as box:
        with box.database.transaction() as tx:
            job = uploads.create_job(tx, tx.one(select(account)), data)
            jobs.update(tx, job, READY)
            orders.place(tx, job, 0, ["on_demand"])
            other = accounts.open_account(tx, key="two", balance_cents=500)
            jobs.create(tx, other, READY)
        box.crowd.add(3)
        box.crowd.run(job.id, pages=4)
        with box.database.transaction() as tx:
            first = tx.all(select(judgment.c.worker_id).order_by(judgment.c.id))[0]
            workers.bonus(tx, job, first.worker_id, 10, "b")
            handout.take_page(tx, job, workers.join(tx, channel="on_demand"))
    return file


@pytest.fixture
def file(sound: Path, tmp_path: Path) -> Path:
    return shutil.copy(sound, tmp_path / "sandbox.db")


def test_a_sound_database_is_found_sound(file: Path) -> None:
    assert broken(file) == []


@pytest.mark.parametrize(
    ("law", "change"),
    [
        ("I4 a balance is", "UPDATE account SET balance_mc = balance_mc + 1"),
        ("I4 a balance is", "DELETE FROM ledger WHERE kind = 'bonus'"),
        ("I4 an account was never", "UPDATE ledger SET amount_mc = -1 WHERE kind = 'credit'"),
        ("I4 an order was", "DELETE FROM ledger WHERE kind = 'reserve'"),
        ("I4 an order was", "UPDATE orders SET spent_mc = spent_mc + 1"),
        ("I4 money was taken", "UPDATE unit SET order_id = NULL; DELETE FROM orders"),
        ("I4 a bonus was", "UPDATE bonus SET amount_cents = amount_cents + 1"),
        ("I4 a bonus was", "DELETE FROM ledger WHERE kind = 'bonus'"),
        ("I4 a page that", "UPDATE assignment SET cost_mc = cost_mc + 1 WHERE state <> 'open'"),
        ("I3 a page was", "DELETE FROM judgment WHERE id = (SELECT max(id) FROM judgment)"),
        (
            "I5 nobody judged",
            """
            CREATE TABLE twice AS SELECT * FROM judgment UNION ALL SELECT * FROM judgment;
            DROP TABLE judgment;
            ALTER TABLE twice RENAME TO judgment;
            """,
        ),
        (
            "I5 nobody has two",
            """
            INSERT INTO assignment
              (job_id, worker_id, mode, state, form_token, started_at, expires_at)
            SELECT job_id, worker_id, mode, state, form_token, started_at, expires_at
            FROM assignment WHERE state = 'open'
            """,
        ),
        ("I5 no row was", "UPDATE unit SET needed = 0"),
        ("I6 what a row", "UPDATE unit SET judgments_count = judgments_count + 1"),
        ("I6 what a row", "UPDATE unit SET open_slots = open_slots + 1"),
        ("I6 the counters", "UPDATE job SET judgments_count = judgments_count + 1"),
        ("I6 the states", "UPDATE job SET units_count = units_count + 1"),
        ("I6 a job that runs", "UPDATE job SET state = 'finished' WHERE state = 'running'"),
        ("I6 the counter of", "UPDATE worker_job SET judgments_count = judgments_count + 1"),
        (
            "I7 the file",
            """
            PRAGMA writable_schema = ON;
            DELETE FROM sqlite_master WHERE name = 'ledger_by_job';
            """,
        ),
        ("I7 what is referred", "DELETE FROM worker"),
        ("I8 what belongs to a job", "UPDATE orders SET account_id = account_id + 1"),
        (
            "I8 what belongs to a job",
            "UPDATE ledger SET account_id = account_id + (kind = 'bonus')",
        ),
        ("I8 what belongs to a row", "UPDATE unit SET job_id = (SELECT max(id) FROM job)"),
    ],
)
def test_what_is_wrong_is_found(file: Path, law: str, change: str) -> None:
    with closing(sqlite3.connect(file)) as opened:
        opened.executescript(change)

    assert any(said.startswith(law) for said in broken(file)), broken(file)


def test_every_law_can_be_broken() -> None:
    """Each has a line in the table above."""
    [table] = [
        mark.args[1]
        for mark in test_what_is_wrong_is_found.pytestmark  # type: ignore[attr-defined]
    ]
    said = [f"{law.number} {law.says}" for law in (*LAWS, OVERJUDGED)]

    assert all(any(each.startswith(law) for law, _ in table) for each in said)


def test_damage_to_the_bytes_is_found(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    whole[8 * 4096 : 9 * 4096] = b"\xff" * 4096
    file.write_bytes(whole)

    assert any(said.startswith("I7 the file is sound") for said in broken(file))


@pytest.mark.parametrize(
    ("write", "number"),
    [
        (Write("upload", "u", 11, "acknowledged"), "I1"),
        (Write("bonus", "never arrived", 1, "acknowledged"), "I1"),
        (Write("bonus", "b", 1, "refused"), "I2"),
        (Write("upload", "u", 20, "unknown"), "I3"),
        (Write("bonus", "b", 1, "acknowledged"), "I3 an answer is kept"),
    ],
)
def test_a_sender_who_was_told_something_else_is_found(
    file: Path, write: Write, number: str
) -> None:
    assert any(said.startswith(number) for said in broken(file, [write]))
